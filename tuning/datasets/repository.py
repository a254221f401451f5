"""Every query about data sets and their copies on clusters.

Jobs know data sets and not the other way round: what asks whether a job uses a data set is given that as a condition,
`in_use` (tuning.jobs.queries.use.dataset_use). So it is with people: `seen` says whose data sets whoever asks may see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, case, exists, func, or_, select, true, tuple_, update
from sqlalchemy.orm import Session, aliased

from tuning.datasets.models import Dataset, DatasetCopy
from tuning.datasets.status import DatasetStatus

ALL: ColumnElement[bool] = true()
"""For who may see every data set."""


@dataclass(frozen=True)
class Filter:
    """Filter of a list of data sets; None = all."""

    text: str | None = None
    """A part of the name, or the beginning of an id."""
    owner_id: str | None = None
    sha256: str | None = None
    """Of the content, as it is kept."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """SQL conditions of the filter."""
        equal = ((Dataset.owner_id, self.owner_id), (Dataset.sha256, self.sha256))
        found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
        if self.sha256 is not None:  # what is still being checked has no content yet
            found.append(Dataset.status == DatasetStatus.READY)
        if self.text is not None:
            in_name = Dataset.name.icontains(self.text, autoescape=True)
            found.append(or_(in_name, Dataset.id.startswith(self.text, autoescape=True)))
        return found


EVERY = Filter()


def find(session: Session, dataset_id: str, seen: ColumnElement[bool] = ALL) -> Dataset | None:
    """One data set that is not deleted."""
    return session.scalar(select(Dataset).where(Dataset.id == dataset_id, Dataset.deleted_at.is_(None), seen))


def page(
    session: Session,
    limit: int,
    after: Dataset | None,
    seen: ColumnElement[bool] = ALL,
    wanted: Filter = EVERY,
    *,
    oldest_first: bool = False,
) -> Sequence[Dataset]:
    """At most `limit` data sets that are not deleted, behind `after`, the newest first unless told otherwise."""
    query = select(Dataset).where(Dataset.deleted_at.is_(None), seen, *wanted.conditions())
    place = tuple_(Dataset.created_at, Dataset.id)
    if after is not None:
        behind = (after.created_at, after.id)
        query = query.where(place > behind if oldest_first else place < behind)
    order = [column.asc() if oldest_first else column.desc() for column in (Dataset.created_at, Dataset.id)]
    return session.scalars(query.order_by(*order).limit(limit)).all()


def at_cursor(session: Session, dataset_id: str) -> Dataset | None:
    """The data set that ended a page, even if it was deleted since."""
    return session.get(Dataset, dataset_id)


def by_ids(session: Session, dataset_ids: Iterable[str], seen: ColumnElement[bool] = ALL) -> dict[str, Dataset]:
    """Data sets by id, deleted ones too: what a job was made with stays known to it."""
    wanted = set(dataset_ids)
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(select(Dataset).where(Dataset.id.in_(wanted), seen))}


def lock_usable(session: Session, dataset_ids: Iterable[str], seen: ColumnElement[bool] = ALL) -> dict[str, Dataset]:
    """Data sets with these ids that are not deleted; none of them can be deleted until this transaction ends."""
    query = select(Dataset).where(Dataset.id.in_(set(dataset_ids)), Dataset.deleted_at.is_(None), seen)
    return {row.id: row for row in session.scalars(query.order_by(Dataset.id).with_for_update(read=True))}


_EXTENSIONS = ("", ".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".arrow")


def ids_by_name(
    session: Session, names: Iterable[str], owner_id: str, seen: ColumnElement[bool] = ALL
) -> dict[str, str]:
    """The newest data set of each name, with or without its file's ending; an owner's own before others'."""
    wanted: dict[str, list[str]] = {}
    for name in names:
        for ending in _EXTENSIONS:
            wanted.setdefault(f"{name}{ending}", []).append(name)
    is_own = case((Dataset.owner_id == owner_id, 0), else_=1)
    query = select(Dataset.name, Dataset.id).where(Dataset.name.in_(wanted), Dataset.deleted_at.is_(None), seen)
    found: dict[str, str] = {}
    for stored, dataset_id in session.execute(query.order_by(is_own, Dataset.created_at.desc(), Dataset.id.desc())):
        for name in wanted[stored]:
            found.setdefault(name, dataset_id)
    return found


def begin_check(session: Session, dataset_id: str, job_id: str) -> bool:
    """This job looks at a data set that was refused; False when it is not there, or not refused."""
    own = (Dataset.id == dataset_id, Dataset.status == DatasetStatus.REFUSED, Dataset.deleted_at.is_(None))
    begun = update(Dataset).where(*own).values(status=DatasetStatus.CHECKING, check_job=job_id, findings=None)
    return session.scalar(begun.returning(Dataset.id)) is not None


def find_checked_by(session: Session, job_id: str) -> Dataset | None:
    """The data set that this job looks at, deleted or not; nobody else changes it until this transaction ends."""
    query = select(Dataset).where(Dataset.check_job == job_id).with_for_update()
    return session.scalar(query, execution_options={"populate_existing": True})


def delete_unless_used(session: Session, dataset_id: str, in_use: ColumnElement[bool], now: datetime) -> bool:
    """Mark it as deleted, unless a job that has not ended uses it: then False."""
    session.execute(select(Dataset.id).where(Dataset.id == dataset_id).with_for_update())
    marked = update(Dataset).where(Dataset.id == dataset_id, ~in_use).values(deleted_at=now)
    return session.scalar(marked.returning(Dataset.id)) is not None


def delete_expired(session: Session, in_use: ColumnElement[bool], now: datetime) -> None:
    """Mark as deleted what its owner wanted to be kept no longer, unless a job that has not ended uses it."""
    expired = (Dataset.expires_at <= now, Dataset.deleted_at.is_(None), ~in_use)
    session.execute(
        update(Dataset).where(*expired).values(deleted_at=now), execution_options={"synchronize_session": False}
    )


def is_kept_at(now: datetime) -> ColumnElement[bool]:
    """Condition: a data set has not expired."""
    return Dataset.expires_at.is_(None) | (Dataset.expires_at > now)


def staged(session: Session, cluster: str, contents: Iterable[str]) -> frozenset[str]:
    """Contents among these (by SHA-256) that lie whole on a cluster."""
    query = select(DatasetCopy.sha256).where(DatasetCopy.cluster == cluster, DatasetCopy.sha256.in_(set(contents)))
    return frozenset(session.scalars(query))


def is_staged(session: Session, cluster: str, sha256: str) -> bool:
    """Whether a content lies whole on a cluster."""
    return bool(staged(session, cluster, [sha256]))


def mark_staged(session: Session, cluster: str, sha256: str, now: datetime) -> None:
    """A content was copied to a cluster; may be said twice."""
    session.merge(DatasetCopy(cluster=cluster, sha256=sha256, staged_at=now))


def forget_staged(session: Session, cluster: str, sha256: str) -> None:
    """The copy is not there any more: it has to be staged again."""
    copy = session.get(DatasetCopy, (cluster, sha256))
    if copy is not None:
        session.delete(copy)


def copies(session: Session, cluster: str) -> Sequence[tuple[str, str, int]]:
    """SHA-256, extension and size of the contents that lie on a cluster, once for each name that they have there."""
    query = (
        select(Dataset.sha256, Dataset.extension, Dataset.size_bytes)
        .join(DatasetCopy, DatasetCopy.sha256 == Dataset.sha256)
        .where(DatasetCopy.cluster == cluster)
        .distinct()
    )
    return [(sha256, extension, size_bytes) for sha256, extension, size_bytes in session.execute(query)]


def needed_contents(session: Session, in_use: ColumnElement[bool]) -> frozenset[str]:
    """The contents (by SHA-256) of data sets that are not deleted, or that a job uses which has not ended."""
    return frozenset(session.scalars(select(Dataset.sha256).where(_is_needed(in_use)).distinct()))


def kept_by(session: Session, owner_id: str, in_use: ColumnElement[bool]) -> tuple[int, int]:
    """Number of a user's data sets, and bytes of the server's disk that the user's uploads need, each content once."""
    own = (Dataset.owner_id == owner_id, Dataset.cluster.is_(None), _is_needed(in_use))
    contents = select(Dataset.sha256, Dataset.size_bytes).where(*own).distinct().subquery()
    size_bytes = session.scalar(select(func.sum(contents.c.size_bytes))) or 0
    there = (Dataset.owner_id == owner_id, Dataset.deleted_at.is_(None))
    return session.scalar(select(func.count()).select_from(Dataset).where(*there)) or 0, int(size_bytes)


def dataset_count(session: Session, owner_id: str) -> int:
    """Number of a user's data sets, deleted ones too."""
    return session.scalar(select(func.count()).select_from(Dataset).where(Dataset.owner_id == owner_id)) or 0


def hand_datasets(session: Session, owner_id: str, to_id: str) -> None:
    """Give a user's data sets, deleted ones too, to another user."""
    session.execute(update(Dataset).where(Dataset.owner_id == owner_id).values(owner_id=to_id))


def kept_bytes_by_owner(session: Session, in_use: ColumnElement[bool]) -> dict[str, int]:
    """Bytes of the server's disk that uploads need, each content once for each owner."""
    own = (Dataset.cluster.is_(None), _is_needed(in_use))
    contents = select(Dataset.owner_id, Dataset.sha256, Dataset.size_bytes).where(*own).distinct().subquery()
    sums = select(contents.c.owner_id, func.sum(contents.c.size_bytes)).group_by(contents.c.owner_id)
    return {owner_id: int(size_bytes) for owner_id, size_bytes in session.execute(sums)}


def unneeded_copies(session: Session, cluster: str, in_use: ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    """SHA-256 and extension of copies on a cluster whose content nobody needs.

    For the thread that stages: it forgets such a copy (forget_staged) in a transaction of its own and only then removes
    the file, so that no job is submitted on a copy that is about to go; what is needed again is staged again.
    None as long as data is looked at on that cluster: a check may have put the same content there a moment ago, and its
    row does not say so yet.
    """
    query = (
        select(Dataset.sha256, Dataset.extension)
        .join(DatasetCopy, DatasetCopy.sha256 == Dataset.sha256)
        .where(DatasetCopy.cluster == cluster, ~_is_checking_on(cluster))
        .group_by(Dataset.sha256, Dataset.extension)
        .having(func.max(case((_is_needed(in_use), 1), else_=0)) == 0)
    )
    return [(sha256, extension) for sha256, extension in session.execute(query)]


def _is_needed(in_use: ColumnElement[bool]) -> ColumnElement[bool]:
    return Dataset.deleted_at.is_(None) | in_use


def _is_checking_on(cluster: str) -> Exists:
    looked_at = aliased(Dataset)
    return exists().where(looked_at.cluster == cluster, looked_at.status == DatasetStatus.CHECKING)
