"""Runs that ended on a cluster: the parts of their time limits that they took, by person, and the GPUs given back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.queue.run_length import MOST_PARTS
from tuning.queue.waiting_job import Person

_MOST_RUNS = 2_000
"""Of the cluster, the last that were asked for."""
_MOST_CHANGED = 20_000
"""More do not change between two descriptions of a cluster."""


class GivenBack(NamedTuple):
    """GPUs of runs that ended, of the same partition, type and nodes."""

    partition: str
    """As asked for; so is the type."""
    gpus: int
    gpu_type: str | None = None
    nodes: str | None = None


def run_parts(session: Session, cluster: str) -> Mapping[Person, Sequence[float]]:
    """Parts from 0 to 1 of the runs that succeeded, the newest last; people by the ids of team and user."""
    parts: dict[Person, list[float]] = defaultdict(list)
    for team, user, started_at, finished_at, limit_seconds in session.connection().execute(_runs(), {"of": cluster}):
        its = parts[Person(team, user)]
        if len(its) < MOST_PARTS:
            its.append(min(max((finished_at - started_at).total_seconds() / limit_seconds, 0.0), 1.0))
    return {person: its[::-1] for person, its in parts.items()}


def gpus_given_back(session: Session, cluster: str, since: datetime) -> list[GivenBack]:
    """GPUs of the runs that ended since a moment."""
    rows = session.connection().execute(_given_back(), {"of": cluster, "since": since})
    return [GivenBack(partition, int(gpus), gpu_type, nodes) for partition, gpus, gpu_type, nodes in rows]


# Kept: to build them costs more than to run them.
@cache
def _given_back() -> Select[*tuple[Any, ...]]:
    since = bindparam("since", type_=Job.updated_at.type)
    # by itself, SQLite would look through all jobs of the cluster
    changed = select(Job.id).where(Job.updated_at >= since).order_by(Job.updated_at.desc()).limit(_MOST_CHANGED)
    own = changed.subquery()
    ended = (Job.cluster == bindparam("of"), Job.finished_at >= since, Job.started_at < since)
    asked = Job.resources["gpu_type"].as_string().label("gpu_type")
    runs = select(Job.partition, Job.gpus, asked, Attempt.nodes).join_from(own, Job, Job.id == own.c.id)
    last = (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt)
    each = runs.outerjoin(Attempt, last).where(*ended).subquery()
    place = (each.c.partition, each.c.gpu_type, each.c.nodes)
    return select(each.c.partition, func.sum(each.c.gpus), each.c.gpu_type, each.c.nodes).group_by(*place)


@cache
def _runs() -> Select[*tuple[Any, ...]]:
    """The newest first."""
    ran = (Job.started_at.is_not(None), Job.finished_at.is_not(None), Job.limit_seconds > 0)
    return (
        select(Job.team_id, Job.owner_id, Job.started_at, Job.finished_at, Job.limit_seconds)
        .where(Job.status == JobStatus.SUCCEEDED, Job.cluster == bindparam("of"), *ran)
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(_MOST_RUNS)
    )
