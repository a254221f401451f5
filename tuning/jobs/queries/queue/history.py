"""Jobs of a cluster that ended, as a recorded workload: submission, run, GPUs and time limit of each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.queue.simulation.trace import TraceJob
from tuning.queue.waiting_job import Person

_COLUMNS = (
    Job.team_id, Job.owner_id, Job.created_at, Job.started_at, Job.finished_at, Job.gpus, Job.limit_seconds,
)  # fmt: skip
_SHORTEST_SECONDS = 1.0


def recorded_jobs(session: Session, cluster: str, limit: int) -> Sequence[TraceJob]:
    """The newest jobs that began and ended, at most `limit`; people by the ids of team and user.

    A job of several attempts counts as one run from its first start to its last end.
    """
    ran = (Job.started_at.is_not(None), Job.finished_at.is_not(None), Job.gpus > 0, Job.limit_seconds > 0)
    ended: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(Job.cluster == cluster, *ran)
    newest = ended.order_by(Job.created_at.desc(), Job.id.desc()).limit(limit)
    return [
        _recorded(Person(team, user), created_at.timestamp(), (ended - began).total_seconds(), gpus, limit_seconds)
        for team, user, created_at, began, ended, gpus, limit_seconds in session.execute(newest)
    ]


def _recorded(person: Person, submitted_at: float, ran_seconds: float, gpus: int, limit_seconds: float) -> TraceJob:
    run_seconds = max(ran_seconds, _SHORTEST_SECONDS)  # a clock that was set back between
    return TraceJob(person, submitted_at, gpus, run_seconds, max(float(limit_seconds), run_seconds))
