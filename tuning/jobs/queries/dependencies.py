"""Jobs that wait for others: queries, and what the waiting comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, insert, or_, select
from sqlalchemy.orm import Session, aliased

from tuning.jobs.models import Job, JobDependency
from tuning.jobs.status import ENDED, JobStatus

_Awaited = aliased(Job)
DEPENDENCY_FAILED = "dependency"
"""The code of a failure of such jobs."""
_MOST_UNMET = 50_000
_ENDED_OTHERWISE = ENDED - {JobStatus.SUCCEEDED}


@dataclass(frozen=True)
class DeadEnd:
    """A queued job that waits for what will never come."""

    job_id: str
    awaited_id: str
    awaited_status: JobStatus | None
    """None: it was deleted."""

    @property
    def reason(self) -> str:
        """In a sentence for the user."""
        if self.awaited_status is None:
            return f"it depends on {self.awaited_id}, which was deleted"
        return f"it depends on {self.awaited_id}, which is {self.awaited_status}"


def add_dependencies(session: Session, job_id: str, awaited: Iterable[str]) -> None:
    """Let a new job wait for these."""
    rows = [{"job_id": job_id, "depends_on": job_on} for job_on in dict.fromkeys(awaited)]
    if rows:
        session.connection().execute(insert(JobDependency), rows)


def is_ready() -> ColumnElement[bool]:
    """Whether a job waits for nobody: all that it depends on has succeeded."""
    waits = (
        select(JobDependency.job_id)
        .outerjoin(_Awaited, _Awaited.id == JobDependency.depends_on)
        .where(JobDependency.job_id == Job.id)
        .where(or_(_Awaited.id.is_(None), _Awaited.status != JobStatus.SUCCEEDED))
    )
    return ~exists(waits)


def dead_ends(session: Session, cluster: str) -> list[DeadEnd]:
    """The queued jobs of a cluster with a dependency that ended otherwise or is gone; the first such of each job."""
    rows = session.connection().execute(_dead_ends(), {"cluster": cluster})
    return list({job_id: DeadEnd(job_id, awaited, status) for job_id, awaited, status in rows}.values())


def dependencies_of(session: Session, job_ids: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the jobs that each of these jobs depends on, ended ones too; jobs without any are missing."""
    found: dict[str, list[str]] = {}
    wanted = select(JobDependency).where(JobDependency.job_id.in_(job_ids)).order_by(JobDependency.depends_on)
    for row in session.scalars(wanted):
        found.setdefault(row.job_id, []).append(row.depends_on)
    return found


def unmet_dependencies(session: Session, cluster: str) -> dict[str, list[str]]:
    """Of each queued job of a cluster that is not ready, the jobs that it still waits for."""
    found: dict[str, list[str]] = {}
    for job_id, awaited in session.connection().execute(_unmet(), {"cluster": cluster}):
        found.setdefault(job_id, []).append(awaited)
    return found


def waiting_for(session: Session, job_id: str) -> list[str]:
    """The jobs that have not ended and need this one."""
    rows = (
        select(JobDependency.job_id)
        .join(Job, Job.id == JobDependency.job_id)
        .where(JobDependency.depends_on == job_id, Job.status.not_in(ENDED))
        .order_by(JobDependency.job_id)
    )
    return list(session.scalars(rows))


def failed_dependents(session: Session, job_ids: Sequence[str], owner_id: str) -> list[Job]:
    """The jobs of an owner that failed since one of these, which they waited for, did not succeed."""
    rows = session.scalars(
        select(Job)
        .join(JobDependency, JobDependency.job_id == Job.id)
        .where(JobDependency.depends_on.in_(job_ids), Job.owner_id == owner_id, Job.status == JobStatus.FAILED)
        .order_by(Job.created_at, Job.id)
    )
    return [job for job in rows.unique() if (job.failure or {}).get("code") == DEPENDENCY_FAILED]


@cache
def _unmet() -> Select[*tuple[Any, ...]]:
    """Kept: the server asks it every second."""
    return (
        select(JobDependency.job_id, JobDependency.depends_on)
        .join(Job, Job.id == JobDependency.job_id)
        .outerjoin(_Awaited, _Awaited.id == JobDependency.depends_on)
        .where(Job.cluster == bindparam("cluster"), Job.status == JobStatus.QUEUED)
        .where(or_(_Awaited.id.is_(None), _Awaited.status != JobStatus.SUCCEEDED))
        .order_by(JobDependency.job_id, JobDependency.depends_on)
        .limit(_MOST_UNMET)
    )


@cache
def _dead_ends() -> Select[*tuple[Any, ...]]:
    """Kept: it is asked in each cycle."""
    return (
        select(JobDependency.job_id, JobDependency.depends_on, _Awaited.status)
        .join(Job, Job.id == JobDependency.job_id)
        .outerjoin(_Awaited, _Awaited.id == JobDependency.depends_on)
        .where(Job.cluster == bindparam("cluster"), Job.status == JobStatus.QUEUED)
        .where(or_(_Awaited.id.is_(None), _Awaited.status.in_(_ENDED_OTHERWISE)))
        .order_by(JobDependency.job_id, JobDependency.depends_on)
    )
