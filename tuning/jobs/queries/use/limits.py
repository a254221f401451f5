"""Queries of what users and teams use of their limits: jobs that hold GPUs, jobs that wait, hours, bytes.

Only what some limit counts is asked for: where no limit is set, nothing is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from tuning.datasets.repository import kept_bytes_by_owner
from tuning.jobs.models import Artifact, Attempt, Job
from tuning.jobs.queries.queue.standing import WAITS
from tuning.jobs.queries.use.dataset_use import IN_USE
from tuning.jobs.status import IN_OUR_QUEUE, ON_CLUSTER, JobStatus
from tuning.people.models import Team, User
from tuning.queue.limits.limit import (
    Account,
    Limit,
    LimitedJob,
    LimitKind,
    Limits,
    Place,
    SubjectKind,
    Tally,
    Use,
    uses_of,
)
from tuning.usage.limits import limit_rows, lock_limits
from tuning.usage.models import LimitRow, UsageDay

HOLDING = ON_CLUSTER | {JobStatus.SUBMITTING}
"""From the claim to the confirmed end a job counts, whatever becomes of the worker in between."""
DAYS = 30
AT_ONCE = 10_000
"""Ids in one query: PostgreSQL and SQLite take some 32,000 values."""
_HELD_KINDS = frozenset({LimitKind.RUNNING_JOBS, LimitKind.GPUS, LimitKind.GPU_HOURS})
_OF_STARTS = _HELD_KINDS | {LimitKind.RESULT_BYTES}
"""Kinds by whose use a job may not start."""


def load_limits(session: Session) -> Limits:
    """All limits, as they are now."""
    return Limits(map(limit_of, limit_rows(session)))


def load_locked_limits(session: Session) -> Limits:
    """All limits; whoever else is about to use them waits until this transaction ends."""
    return Limits(map(limit_of, lock_limits(session)))


def limit_of(row: LimitRow | Row[*tuple[Any, ...]]) -> Limit:
    """A limit from its row."""
    return Limit(
        id=row.id,
        subject_kind=SubjectKind(row.subject_kind),
        subject=row.subject,
        kind=LimitKind(row.kind),
        amount=row.amount,
        cluster=row.cluster,
        partition=row.partition,
        job_class=row.job_class,
    )


def limited_jobs(session: Session, job_ids: Sequence[str]) -> list[LimitedJob]:
    """Jobs as limits see them, in the order of their ids."""
    found: dict[str, LimitedJob] = {}
    for start in range(0, len(job_ids), AT_ONCE):
        rows = session.connection().execute(_by_ids(), {"job_ids": job_ids[start : start + AT_ONCE]}).all()
        found |= {row[0]: _waiting(*row) for row in rows}
    return [found[job_id] for job_id in job_ids if job_id in found]


def uses(session: Session, limits: Limits, now: datetime) -> dict[Account, Use]:
    """The use of each limit of what runs, waits and is kept."""
    return _uses(session, limits, limits.kinds(), now, None)


def start_uses(
    session: Session, limits: Limits, now: datetime, results: Iterable[Tally] | None = None
) -> dict[Account, Use]:
    """The use of the limits that may keep a job from starting; `results` where their sizes are known already."""
    return _uses(session, limits, limits.kinds() & _OF_STARTS, now, results)


def live_jobs(session: Session) -> list[LimitedJob]:
    """The jobs of all clusters that are claimed, pending or running."""
    return [_limited(*row) for row in session.connection().execute(_live())]


def clusters_that_share(session: Session, cluster: str, limits: Limits) -> list[str]:
    """The other clusters where jobs wait, if some limit of what jobs use while they run holds on all clusters."""
    if not any(limit.kind in _HELD_KINDS and not limit.cluster for limit in limits.all):
        return []
    waiting = select(Job.cluster).distinct().where(Job.status.in_(WAITS), Job.cluster != cluster)
    return sorted(session.scalars(waiting))


def first_day(now: datetime) -> date:
    """The first day of which use still counts against limits of 30 days."""
    return (now - timedelta(days=DAYS - 1)).date()


def queued_tallies(session: Session, among: ColumnElement[bool] | None = None) -> list[Tally]:
    """Number of jobs that wait or are held here (`among`: those of somebody), by their places."""
    place = (Job.owner_id, Job.team_id, Job.cluster, Job.partition, Job.job_class)
    waiting = select(*place, func.count().label("jobs")).where(Job.status.in_(IN_OUR_QUEUE)).group_by(*place)
    counted = (waiting if among is None else waiting.where(among)).subquery()
    columns = counted.c
    named = _named(columns.owner_id, columns.team_id, columns.cluster, columns.partition, columns.job_class)
    return _tallies(session, named.add_columns(columns.jobs))


def result_tallies(session: Session, _now: datetime) -> list[Tally]:
    """Bytes of the results of jobs on the clusters."""
    place = (Job.owner_id, Job.team_id, Job.cluster)
    sizes = select(*place, func.sum(Artifact.size_bytes).label("bytes")).join(Job, Job.id == Artifact.job_id)
    counted = sizes.group_by(*place).subquery()
    return _tallies(
        session, _named(counted.c.owner_id, counted.c.team_id, counted.c.cluster).add_columns(counted.c.bytes)
    )


def dataset_tallies(session: Session, _now: datetime) -> list[Tally]:
    """Bytes of data sets on the server: a user's count for their usual team."""
    kept = kept_bytes_by_owner(session, IN_USE)
    people = select(User.id, User.name, Team.name).outerjoin(Team, Team.id == User.default_team_id)
    rows = session.execute(people.where(User.id.in_(kept))) if kept else ()
    return [Tally(Place(user, team or ""), float(kept[user_id])) for user_id, user, team in rows]


def _hour_tallies(session: Session, now: datetime) -> list[Tally]:
    """Hours of GPUs of attempts that ended on one of the last 30 days, today among them."""
    place = (UsageDay.user_id, UsageDay.team_id, UsageDay.cluster)
    used = select(*place, (func.sum(UsageDay.gpu_seconds) / 3600).label("hours")).where(UsageDay.day >= first_day(now))
    counted = used.group_by(*place).subquery()
    return _tallies(
        session, _named(counted.c.user_id, counted.c.team_id, counted.c.cluster).add_columns(counted.c.hours)
    )


_COUNTS: Mapping[LimitKind, Callable[[Session, datetime], list[Tally]]] = {
    LimitKind.QUEUED_JOBS: lambda session, _now: queued_tallies(session),
    LimitKind.GPU_HOURS: _hour_tallies,
    LimitKind.DATASET_BYTES: dataset_tallies,
    LimitKind.RESULT_BYTES: result_tallies,
}


def _named(owner_id: Any, team_id: Any, *more: Any) -> Select[*tuple[Any, ...]]:
    """Names of a user and a team, and what else tells a place."""
    named = select(User.name, func.coalesce(Team.name, ""), *more)
    return named.join(User, User.id == owner_id).outerjoin(Team, Team.id == team_id)


def _tallies(session: Session, query: Select[*tuple[Any, ...]]) -> list[Tally]:
    return [Tally(Place(*place), float(amount)) for *place, amount in session.execute(query)]


def _uses(
    session: Session,
    limits: Limits,
    kinds: Collection[LimitKind],
    now: datetime,
    results: Iterable[Tally] | None,
) -> dict[Account, Use]:
    live = live_jobs(session) if _HELD_KINDS.intersection(kinds) else []
    known = {LimitKind.RESULT_BYTES: results} if results is not None else {}
    counted: Mapping[LimitKind, Iterable[Tally]] = {
        kind: known[kind] if kind in known else count(session, now) for kind, count in _COUNTS.items() if kind in kinds
    }
    return uses_of(limits, live, counted)


@cache
def _by_ids() -> Select[*tuple[Any, ...]]:
    since = func.coalesce(Job.queued_at, Job.created_at, type_=Job.created_at.type)
    return _jobs(since).where(Job.id.in_(bindparam("job_ids", expanding=True)))


@cache
def _live() -> Select[*tuple[Any, ...]]:
    own = (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt)
    live = _jobs(Job.expected_end_at, Attempt.started_at).outerjoin(Attempt, own)
    return live.where(Job.status.in_(HOLDING)).order_by(Job.created_at, Job.id)


def _jobs(*times: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Select[*tuple[Any, ...]]:
    place = (User.name, func.coalesce(Team.name, ""), Job.cluster, Job.partition, Job.job_class)
    return (
        select(Job.id, *place, Job.gpus, Job.limit_seconds, *times)
        .select_from(Job)
        .join(User, User.id == Job.owner_id)
        .outerjoin(Team, Team.id == Job.team_id)
    )


def _limited(job_id: str, *rest: Any) -> LimitedJob:
    *place, gpus, limit_seconds, expected_end_at, started_at = rest
    ends_by = started_at + timedelta(seconds=limit_seconds) if started_at is not None else None
    return LimitedJob(job_id, Place(*place), gpus, limit_seconds, expected_end_at or ends_by, ends_by)


def _waiting(job_id: str, *rest: Any) -> LimitedJob:
    """Its last attempt has ended: nothing of it counts."""
    *place, gpus, limit_seconds, queued_at = rest
    return LimitedJob(job_id, Place(*place), gpus, limit_seconds, queued_at=queued_at)
