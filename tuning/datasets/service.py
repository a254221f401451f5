"""Actions on data sets. All users of the lab may see and use all; an owner or an administrator deletes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import BinaryIO, Protocol

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from tuning.datasets import repository
from tuning.datasets.archive.keeping import keep_archive
from tuning.datasets.archive.members import find_archive
from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.check.read.tables import Table, find_table
from tuning.datasets.check.run import CheckedFile
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.datasets.storage.store import HOW_TO_MAKE_ROOM, ContentStore, Extension, Incoming, StoredContent
from tuning.datasets.table_lines import write_json_lines
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed, NotFound, StorageFull
from tuning.ids import new_id

MAX_NAME_LENGTH = 200


class Actor(Protocol):
    """The acting user (tuning.people.tokens.Principal)."""

    def may_change(self, owner_id: str) -> bool:
        """Whether a thing of this owner may be changed by them."""
        ...


@dataclass(frozen=True)
class KeptFile:
    """A file that was found good and is in the store."""

    content: StoredContent
    checked: CheckedFile
    extension: Extension
    head: bytes | None = None
    """The beginning of its rows, where these lie in an archive."""


@dataclass(frozen=True)
class DatasetPage:
    """A part of the list; `next_cursor` leads to the rest."""

    datasets: Sequence[Dataset]
    next_cursor: str | None


@dataclass(frozen=True)
class Quota:
    """Quota of one person: data sets, and bytes on the server's disk."""

    datasets: int
    kept_bytes: int


def room_for(session: Session, owner_id: str, quota: Quota, in_use: ColumnElement[bool]) -> int:
    """Bytes that a user may keep beside those kept now. Raises Conflict and StorageFull where the quota is used up."""
    datasets, kept_bytes = repository.kept_by(session, owner_id, in_use)
    if datasets >= quota.datasets:
        raise Conflict(f"you have {datasets} data sets; {quota.datasets} are allowed", hint=HOW_TO_MAKE_ROOM)
    if kept_bytes >= quota.kept_bytes:
        message = f"your uploads keep {kept_bytes} bytes of the server's disk; {quota.kept_bytes} are allowed"
        raise StorageFull(message, hint=HOW_TO_MAKE_ROOM)
    return quota.kept_bytes - kept_bytes


def check_name(name: str) -> str:
    """The name as it is kept. Raises InvalidInput unless it is one short printable line."""
    stripped = name.strip()
    if not stripped or len(stripped) > MAX_NAME_LENGTH or not stripped.isprintable():
        message = f"a name is one line of 1 to {MAX_NAME_LENGTH} printable characters"
        raise InvalidInput([Finding(("name",), message)])
    return stripped


def keep(
    store: ContentStore,
    incoming: Incoming,
    wanted: Wanted | None = None,
    check: BoundedCheck | None = None,
    file_name: str = "",
) -> KeptFile:
    """Check what has come in, and put it into the store. No database: this takes as long as the file is large.

    A table is kept as JSON lines, an archive of rows and media as a tar. Raises InvalidInput with what is wrong in
    which line, StorageFull, CheckCut.
    """
    check = check or BoundedCheck()
    with incoming.open() as stream:
        archive, table = find_archive(stream), find_table(stream, file_name)
        if archive is not None:
            kept = keep_archive(store, incoming, archive, wanted, check)
            return KeptFile(kept.content, kept.checked, "tar", kept.head)
        if table is not None:
            return _keep_table(store, incoming, table, wanted, check)
        checked = check.validate(stream, wanted)
        encoding = checked.report.encoding
        return KeptFile(incoming.keep(encoding), checked, encoding)


def _keep_table(
    store: ContentStore, incoming: Incoming, table: Table, wanted: Wanted | None, check: BoundedCheck
) -> KeptFile:
    with store.receive(incoming.room_bytes) as converted:
        with incoming.open() as stream:
            write_json_lines(stream, table, converted, check)
        with converted.open() as stream:
            checked = check.validate(stream, wanted)
        report = replace(checked.report, made_from=table)
        return KeptFile(converted.keep("jsonl"), replace(checked, report=report), "jsonl")


def create(session: Session, file: KeptFile, *, name: str, owner_id: str, now: datetime) -> Dataset:
    """The row of a file that was kept. Raises InvalidInput for its name."""
    report = file.checked.report
    dataset = Dataset(
        id=new_id("ds"),
        owner_id=owner_id,
        name=check_name(name),
        sha256=file.content.sha256,
        size_bytes=file.content.size_bytes,
        extension=file.extension,
        format=report.format,
        entry=file.checked.entry,
        report=report.as_json(),
        created_at=now,
        head=file.head,
    )
    session.add(dataset)
    session.flush()
    return dataset


def get(session: Session, dataset_id: str, seen: ColumnElement[bool] = repository.ALL) -> Dataset:
    """One data set. Raises NotFound, also where whoever asks may not see it."""
    dataset = repository.find(session, dataset_id, seen)
    if dataset is None:
        raise NotFound(f"there is no data set {dataset_id}")
    return dataset


def get_ready(session: Session, dataset_id: str, seen: ColumnElement[bool] = repository.ALL) -> Dataset:
    """One data set that can be looked into. Raises NotFound, and Conflict until its check has found it good."""
    dataset = get(session, dataset_id, seen)
    if dataset.status is DatasetStatus.CHECKING:
        raise Conflict(f"data set {dataset_id} is still being checked by {dataset.check_job}", hint="ask again later")
    if dataset.status is DatasetStatus.REFUSED:
        hint = f"GET /datasets/{dataset_id} has the findings"
        raise Conflict(f"data set {dataset_id} was refused by its check", hint=hint)
    return dataset


def list_page(
    session: Session,
    limit: int,
    after: str | None,
    seen: ColumnElement[bool] = repository.ALL,
    wanted: repository.Filter = repository.EVERY,
) -> DatasetPage:
    """Data sets that a user may see, the newest first. Raises InvalidInput for a cursor that was never given out."""
    cursor = repository.at_cursor(session, after) if after is not None else None
    if after is not None and cursor is None:
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    found = repository.page(session, limit + 1, cursor, seen, wanted)
    shown = found[:limit]
    return DatasetPage(shown, shown[-1].id if len(found) > limit else None)


def delete(session: Session, actor: Actor, dataset_id: str, in_use: ColumnElement[bool], now: datetime) -> None:
    """Take it off the list, unless it is in use; ended jobs keep its name. Raises NotFound, NotAllowed, Conflict."""
    dataset = get(session, dataset_id)
    if not actor.may_change(dataset.owner_id):
        raise NotAllowed("only its owner or an administrator may delete a data set")
    if not repository.delete_unless_used(session, dataset_id, in_use, now):
        hint = "wait for them, or cancel them (GET /jobs lists them)"
        raise Conflict(f"data set {dataset_id} is used by jobs that have not ended", hint=hint)


def open_content(store: ContentStore, dataset: Dataset) -> BinaryIO:
    """Open the rows of a data set; of a file that lies on a cluster, or in an archive, only the head is here.

    Raises NotFound when it is not there: the data set was deleted a moment ago.
    """
    return BytesIO(dataset.head) if dataset.head is not None else open_file(store, dataset)


def open_file(store: ContentStore, dataset: Dataset) -> BinaryIO:
    """Open the whole file of an upload, as it is kept. Raises NotFound when it is not there."""
    try:
        return store.path(dataset.sha256, dataset.extension).open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"the content of the data set {dataset.id} is not there any more") from error
