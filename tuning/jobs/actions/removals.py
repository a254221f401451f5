"""Removals from a cluster: requests are rows, the worker carries them out. Queries."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Select, String, and_, bindparam, cast, delete, exists, literal, or_, select
from sqlalchemy.orm import Session, aliased

from tuning.db.engine import insert_if_new
from tuning.jobs.layout import CHECKPOINT, OUTPUT, OUTPUT_FOLDER, OUTPUT_REMOVED
from tuning.jobs.models import Artifact, Job, Removal
from tuning.jobs.status import ENDED
from tuning.jobs.transition import record_event

_Based = aliased(Job)


@dataclass(frozen=True)
class Unwanted:
    """A folder of a job's, by its path beneath the job's folder."""

    job_id: str
    path: str


def secrets_path(attempt: int) -> str:
    """The folder of an attempt's secrets."""
    return f"{attempt}/secrets"


def ask_removal(session: Session, job_id: str, path: str, now: datetime) -> bool:
    """Wish that this leaves the cluster; twice is once. Whether it is a new wish."""
    row = {"job_id": job_id, "path": path, "requested_at": now}
    return insert_if_new(session, Removal, row, unique=("job_id", "path"))


def ask_output_removal(session: Session, job: Job, why: str, now: datetime) -> None:
    """Wish that all that an ended job left leaves the cluster; from now on no job can be based on it."""
    ask_removal(session, job.id, OUTPUT_FOLDER, now)
    job.result = {**(job.result or {}), OUTPUT_REMOVED: True}
    job.version, job.updated_at = job.version + 1, now
    record_event(session, job.id, "job.changed", f"its output is removed from the cluster: {why}", now)


def wanted_removals(session: Session, cluster: str, limit: int, *, but_not: Collection[str] = ()) -> list[Unwanted]:
    """The oldest wishes for a cluster, of other jobs than these; what a job is based on stays until its end."""
    of = {"cluster": cluster, "but_not": list(but_not), "most": limit}
    return [Unwanted(*row) for row in session.connection().execute(_wanted(), of)]


def unwanted_paths(session: Session, job_id: str) -> frozenset[str]:
    """Paths of a job that are still to be removed from the cluster."""
    return frozenset(session.scalars(select(Removal.path).where(Removal.job_id == job_id)))


def forget_removed(session: Session, gone: Sequence[Unwanted], now: datetime) -> None:
    """These have left the cluster: their files are no artifacts any more."""
    for removal in gone:
        own = (Removal.job_id == removal.job_id, Removal.path == removal.path)
        session.execute(delete(Removal).where(*own))
        if removal.path == OUTPUT_FOLDER:
            session.execute(delete(Artifact).where(Artifact.job_id == removal.job_id))
        if removal.path.startswith(OUTPUT):
            _forget_files(session, removal.job_id, removal.path.removeprefix(OUTPUT))
            record_event(session, removal.job_id, "checkpoint.removed", f"{removal.path} was removed", now)


def surplus(steps: Iterable[int], keep: int) -> list[int]:
    """The checkpoints beyond the newest `keep`, the oldest first."""
    ordered = sorted(steps)
    return ordered[: max(0, len(ordered) - keep)]


def _forget_files(session: Session, job_id: str, folder: str) -> None:
    within = Artifact.path.startswith(f"{folder}/", autoescape=True)
    session.execute(delete(Artifact).where(Artifact.job_id == job_id, within))


@cache
def _wanted() -> Select[str, str]:
    """Kept: it is asked in each cycle."""
    rows = select(Removal.job_id, Removal.path).join(Job, Job.id == Removal.job_id)
    rows = rows.where(Job.cluster == bindparam("cluster"), Job.id.not_in(bindparam("but_not", expanding=True)))
    rows = rows.where(~exists(_users()))
    return rows.order_by(Removal.requested_at, Removal.path).limit(bindparam("most"))


def _users() -> Select[str]:
    """The jobs that have not ended and are based on the checkpoint or output that is to go, or go on from it."""
    named = ((_Based.source_job, _Based.source_checkpoint), (_Based.resume_job, _Based.resume_checkpoint))
    uses = [
        and_(
            job == Removal.job_id,
            or_(Removal.path == OUTPUT_FOLDER, Removal.path == literal(CHECKPOINT).concat(cast(step, String))),
        )
        for job, step in named
    ]
    return select(_Based.id).where(or_(*uses), _Based.status.not_in(ENDED))
