"""Data sets: listed, looked at, deleted."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement

from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Page, with_fields
from server.dependencies import CurrentUser, FeedUser, NowDep, SessionDep, SettingsDep, in_transaction
from server.http.problems import responses
from server.schemas.dataset import DatasetInfo
from tuning.datasets import service
from tuning.datasets.check.report import DatasetReport, Truncation, truncation
from tuning.datasets.models import Dataset
from tuning.datasets.store import ContentStore
from tuning.datasets.unused_contents import collect_unused
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.jobs.data_check.create import stop_check
from tuning.jobs.queries.dataset_use import IN_USE
from tuning.people.directory import owner_is_seen
from tuning.people.queries import user_names

router = APIRouter(prefix="/datasets", tags=["datasets"])

MAX_CUTOFF_LEN = 2**31 - 1
_ID = re.compile(r"ds_[a-z0-9]{1,28}")


@dataclass(frozen=True)
class ReportAnswer(DatasetReport):
    """The report of a data set; `truncation` where a cutoff_len was named."""

    truncation: Truncation | None = None


_report = TypeAdapter(ReportAnswer)


async def get_store(settings: SettingsDep) -> ContentStore:
    """The contents on the server's disk."""
    return ContentStore(settings.data_dir / "datasets", settings.max_upload_bytes)


async def well_formed_dataset_id(dataset_id: str) -> str:
    """An id from the path; what cannot be one (PostgreSQL takes no NUL) is not asked of the database."""
    if not _ID.fullmatch(dataset_id):
        raise NotFound("there is no such data set")
    return dataset_id


async def seen_datasets(user: FeedUser) -> ColumnElement[bool]:
    """Condition: the data sets that the user may see."""
    return owner_is_seen(user, Dataset.owner_id)


SeenDep = Annotated[ColumnElement[bool], Depends(seen_datasets)]
StoreDep = Annotated[ContentStore, Depends(get_store)]
DatasetId = Annotated[str, Depends(well_formed_dataset_id)]


@router.get("", response_model=Page[DatasetInfo])
def list_datasets(
    session: SessionDep, seen: SeenDep, limit: Limit = DEFAULT_LIMIT, after: After = None, fields: Fields = None
) -> Page[DatasetInfo] | Response:
    """All data sets that the user may see, the newest first: the lab's, unless its operator has it otherwise."""
    if after is not None and not _ID.fullmatch(after):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    page = service.list_page(session, limit, after, seen)
    names = user_names(session, [dataset.owner_id for dataset in page.datasets])
    shown = [DatasetInfo.summary(dataset, names[dataset.owner_id]) for dataset in page.datasets]
    found = Page[DatasetInfo](data=shown, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, DatasetInfo, fields)


@router.get("/{dataset_id}", responses=responses(404))
def get_dataset(dataset_id: DatasetId, session: SessionDep, seen: SeenDep) -> DatasetInfo:
    """One data set."""
    dataset = service.get(session, dataset_id, seen)
    return DatasetInfo.of(dataset, user_names(session, [dataset.owner_id])[dataset.owner_id])


@router.get("/{dataset_id}/report", responses=responses(404, 409))
def get_report(
    dataset_id: DatasetId,
    session: SessionDep,
    seen: SeenDep,
    cutoff_len: Annotated[
        int | None,
        Query(ge=1, le=MAX_CUTOFF_LEN, description="Count the rows that are longer; the answer says in what."),
    ] = None,
) -> ReportAnswer:
    """A data set's report: rows that LLaMA-Factory trains on, rows it would drop and why, and contents of the rows."""
    report = _report.validate_python(service.get_ready(session, dataset_id, seen).report)
    return report if cutoff_len is None else replace(report, truncation=truncation(report, cutoff_len))


@router.delete("/{dataset_id}", status_code=204, responses=responses(403, 404, 409))
def delete_dataset(
    dataset_id: DatasetId,
    session: SessionDep,
    user: CurrentUser,
    now: NowDep,
    store: StoreDep,
    request: Request,
    after_commit: BackgroundTasks,
) -> None:
    """Take a data set off the list: one's own, or as an administrator anybody's. Refused while jobs wait for it.

    A check that has not ended is cancelled.
    """
    service.get(session, dataset_id, owner_is_seen(user, Dataset.owner_id))  # of what may not be seen, nothing is said
    stop_check(session, dataset_id, user, now)
    service.delete(session, user, dataset_id, IN_USE, now)
    collect = partial(collect_unused, store=store, in_use=IN_USE, now=now)
    after_commit.add_task(in_transaction, request.app.state.sessions, collect)
