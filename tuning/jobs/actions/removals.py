"""Removals from a cluster: requests are rows, the worker carries them out. Queries."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.jobs.models import Artifact, Job, Removal
from tuning.jobs.transition import record_event

OUTPUT = "output/"


@dataclass(frozen=True)
class Unwanted:
    """A folder of a job's, by its path beneath the job's folder."""

    job_id: str
    path: str


def checkpoint_path(step: int) -> str:
    """The folder of a checkpoint."""
    return f"{OUTPUT}checkpoint-{step}"


def secrets_path(attempt: int) -> str:
    """The folder of an attempt's secrets."""
    return f"{attempt}/secrets"


def ask_removal(session: Session, job_id: str, path: str, now: datetime) -> None:
    """Wish that this leaves the cluster; twice is once."""
    row = {"job_id": job_id, "path": path, "requested_at": now}
    insert_if_new(session, Removal, row, unique=("job_id", "path"))


def wanted_removals(session: Session, cluster: str, limit: int, *, but_not: Collection[str] = ()) -> list[Unwanted]:
    """The oldest wishes for a cluster, of other jobs than these."""
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
    return rows.order_by(Removal.requested_at, Removal.path).limit(bindparam("most"))
