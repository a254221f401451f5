"""Queries for a clean-up: uploads, checkpoints and outputs that nobody has needed for a while, the largest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, exists, func, literal, not_, or_, select, union
from sqlalchemy.orm import Session, aliased

from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.jobs.models import Artifact, Job, JobDataset, JobDependency, Removal
from tuning.models.spared import has_spared, in_spared_checkpoint
from tuning.people.models import User

_CHECKPOINTS = Artifact.path.startswith("checkpoint-", autoescape=True)


@dataclass(frozen=True)
class Disused:
    """A thing that could be removed."""

    id: str
    """Of a data set, or of a job."""
    name: str
    owner: str
    cluster: str | None
    """Cluster that it lies on; None: the server's store."""
    since: datetime
    """End of its job; of an upload, its coming or the end of the last job that used it."""
    size_bytes: int
    files: int


def disused_uploads(session: Session, before: datetime, limit: int) -> Sequence[Disused]:
    """Data sets that came before this moment, and that no job has used since."""
    used = exists().where(
        JobDataset.dataset_id == Dataset.id,
        Job.id == JobDataset.job_id,
        or_(Job.finished_at.is_(None), Job.finished_at >= before),
    )
    last_end = func.max(Job.finished_at, type_=Job.finished_at.type)
    last_use = select(last_end).join(JobDataset, JobDataset.job_id == Job.id).where(JobDataset.dataset_id == Dataset.id)
    since = func.coalesce(
        last_use.scalar_subquery(),
        Dataset.created_at,
        type_=Dataset.created_at.type,
    )
    is_old = (Dataset.created_at < before, Dataset.deleted_at.is_(None), Dataset.status != DatasetStatus.CHECKING)
    query: Select[*tuple[Any, ...]] = (
        select(Dataset.id, Dataset.name, User.name, Dataset.cluster, since, Dataset.size_bytes, literal(1))
        .join(User, User.id == Dataset.owner_id)
        .where(*is_old, ~used)
        .order_by(Dataset.size_bytes.desc(), Dataset.id)
    )
    return [Disused(*row) for row in session.execute(query.limit(limit))]


def disused_checkpoints(session: Session, before: datetime, limit: int) -> Sequence[Disused]:
    """Jobs that ended before this moment and that no unfinished job needs, with the checkpoints that they left.

    Checkpoints that are pinned, or that an alias means, are not among them (tuning.models.spared).
    """
    among = and_(_CHECKPOINTS, not_(in_spared_checkpoint(Artifact.job_id, Artifact.path)))
    return _disused_files(session, before, limit, among)


def disused_outputs(session: Session, before: datetime, limit: int) -> Sequence[Disused]:
    """Jobs that ended before this moment and that no other job is or was based on, with all that they left.

    Those of which something is pinned, or meant by an alias, are not among them (tuning.models.spared).
    """
    based = aliased(Job)
    sources = [select(its).where(its.is_not(None)) for its in (based.source_job, based.resume_job)]
    return _disused_files(session, before, limit, and_(Job.id.not_in(union(*sources)), not_(has_spared(Job.id))))


def sources_among(session: Session, job_ids: Collection[str]) -> frozenset[str]:
    """The jobs among these that another one is or was based on, or went on from, whatever became of it."""
    rows = session.execute(
        select(Job.source_job, Job.resume_job).where(or_(Job.source_job.in_(job_ids), Job.resume_job.in_(job_ids)))
    )
    return frozenset(job_ids) & {job_id for row in rows for job_id in row}


def _disused_files(session: Session, before: datetime, limit: int, among: ColumnElement[bool]) -> Sequence[Disused]:
    size = cast(func.sum(Artifact.size_bytes), BigInteger)
    is_asked = exists().where(Removal.job_id == Job.id)
    query: Select[*tuple[Any, ...]] = (
        select(Job.id, Job.name, User.name, Job.cluster, Job.finished_at, size, func.count())
        .join(Artifact, Artifact.job_id == Job.id)
        .join(User, User.id == Job.owner_id)
        .where(Job.finished_at < before, ~_is_needed(), ~is_asked, among)
        .group_by(Job.id, Job.name, User.name, Job.cluster, Job.finished_at)
        .order_by(size.desc(), Job.id)
    )
    rows = session.execute(query.limit(limit))
    return [Disused(*row) for row in rows]


def _is_needed() -> ColumnElement[bool]:
    """Whether a job that has not ended waits for this one, or is based on it."""
    waiting, based = aliased(Job), aliased(Job)
    dependency = (JobDependency.depends_on == Job.id, JobDependency.job_id == waiting.id)
    waits = exists().where(*dependency, waiting.finished_at.is_(None))
    return waits | exists().where(based.source_job == Job.id, based.finished_at.is_(None))
