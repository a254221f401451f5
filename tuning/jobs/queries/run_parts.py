"""Runs that ended on a cluster: the parts of their time limits that they took, by person, and the GPUs given back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.queue.run_length import MOST_PARTS
from tuning.queue.waiting_job import Person

_MOST_RUNS = 2_000
"""Of the cluster, the last that were asked for."""


def run_parts(session: Session, cluster: str) -> Mapping[Person, Sequence[float]]:
    """Parts from 0 to 1 of the runs that succeeded, the newest last; people by the ids of team and user."""
    parts: dict[Person, list[float]] = defaultdict(list)
    for team, user, started_at, finished_at, limit_seconds in session.connection().execute(_runs(), {"of": cluster}):
        its = parts[Person(team, user)]
        if len(its) < MOST_PARTS:
            its.append(min(max((finished_at - started_at).total_seconds() / limit_seconds, 0.0), 1.0))
    return {person: its[::-1] for person, its in parts.items()}


def gpus_given_back(session: Session, cluster: str, since: datetime) -> dict[str, int]:
    """GPUs of the runs that ended since a moment, by their partition as asked for."""
    ended = (Job.cluster == cluster, Job.updated_at >= since, Job.finished_at >= since, Job.started_at < since)
    rows = session.execute(select(Job.partition, func.sum(Job.gpus)).where(*ended).group_by(Job.partition))
    return {partition: int(gpus) for partition, gpus in rows}


@cache
def _runs() -> Select[*tuple[Any, ...]]:
    """The newest first. Kept: to build it costs more than to run it."""
    ran = (Job.started_at.is_not(None), Job.finished_at.is_not(None), Job.limit_seconds > 0)
    return (
        select(Job.team_id, Job.owner_id, Job.started_at, Job.finished_at, Job.limit_seconds)
        .where(Job.status == JobStatus.SUCCEEDED, Job.cluster == bindparam("of"), *ran)
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(_MOST_RUNS)
    )
