"""Queries of the GPU time of users, teams and clusters, in all and by day: of ended attempts, and of what runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.people.directory import owner_is_seen
from tuning.people.models import Team, User
from tuning.people.tokens import Principal
from tuning.queue.standing import seconds_held
from tuning.usage.ledger import EndedUse, use_by_day
from tuning.usage.models import UsageDay


class UsedBy(StrEnum):
    """Grouping of used GPU time."""

    USER = "user"
    TEAM = "team"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Period:
    """Days (UTC) from the first to the last, both among them."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """Midnight before the first day."""
        return datetime.combine(self.first, time.min, UTC)

    @property
    def end(self) -> datetime:
        """Midnight after the last day."""
        return datetime.combine(self.last, time.min, UTC) + timedelta(days=1)


@dataclass(frozen=True)
class Usage:
    """GPU time of a user, a team or a cluster, and the attempts that had it."""

    name: str
    gpu_seconds: float
    jobs: int
    """Attempts that ended in the period."""
    running_jobs: int
    """Now; their time up to now is counted."""


@dataclass(frozen=True)
class DayUsage:
    """GPU time of a user, a team or a cluster on a day (UTC)."""

    name: str
    day: date
    gpu_seconds: float


@dataclass(frozen=True)
class UsageOf:
    """User or team whose use alone is asked for, by their ids; None = everybody's."""

    user_id: str | None = None
    team_id: str | None = None

    def includes(self, user_id: str, team_id: str) -> bool:
        """Whether a job of this owner and team is among them."""
        return self.user_id in (None, user_id) and self.team_id in (None, team_id)


_EVERYBODY = UsageOf()


def usage(session: Session, by: UsedBy, period: Period, now: datetime, reader: Principal) -> list[Usage]:
    """GPU time within a period, the greatest first. What runs is counted up to now.

    Of users, only those whose jobs the reader may see; teams and clusters are the whole lab's.
    """
    is_of_users = by is UsedBy.USER
    ended_of = owner_is_seen(reader, UsageDay.user_id) if is_of_users else true()
    running_of = owner_is_seen(reader, Job.owner_id) if is_of_users else true()
    ended = {name: (seconds, jobs) for name, seconds, jobs in session.execute(_ended(by, period).where(ended_of))}
    running: dict[str, list[float]] = {}
    for name, gpus, started_at, limit_seconds in session.execute(_running(by, period).where(running_of)):
        began = started_at.timestamp()
        until = min(began + seconds_held(began, now.timestamp(), limit_seconds), period.end.timestamp())
        running.setdefault(name, []).append(gpus * max(until - max(began, period.start.timestamp()), 0.0))
    found = list(_summed(ended, running))
    return sorted(found, key=lambda each: (-each.gpu_seconds, each.name))


def usage_by_day(
    session: Session, by: UsedBy, period: Period, now: datetime, reader: Principal, of: UsageOf = _EVERYBODY
) -> list[DayUsage]:
    """GPU time by day, in no order; seen by the same rules as `usage`, and what runs is counted up to now."""
    is_of_users = by is UsedBy.USER or of.user_id is not None
    ended_of = [owner_is_seen(reader, UsageDay.user_id)] if is_of_users else []
    ended_of += [column == value for column, value in _columns(of) if value is not None]
    running_of = owner_is_seen(reader, Job.owner_id) if is_of_users else true()
    running = _running(by, period).where(running_of).add_columns(Job.owner_id, Job.team_id)
    sums: dict[tuple[str, date], float] = {}
    for name, day, seconds in session.execute(_ended_by_day(by, period, ended_of)):
        sums[name, day] = float(seconds)
    for name, gpus, started_at, limit_seconds, *whose in session.execute(running):
        if not of.includes(*whose):  # asked of the database, it would look through all jobs of a team
            continue
        held = timedelta(seconds=seconds_held(started_at.timestamp(), now.timestamp(), limit_seconds))
        for day, seconds in use_by_day(EndedUse(gpus, started_at, held)):
            if period.first <= day <= period.last:
                sums[name, day] = sums.get((name, day), 0.0) + seconds
    return [DayUsage(name, day, seconds) for (name, day), seconds in sums.items()]


def _columns(of: UsageOf) -> Iterable[tuple[InstrumentedAttribute[str], str | None]]:
    return (UsageDay.user_id, of.user_id), (UsageDay.team_id, of.team_id)


def _summed(ended: dict[str, tuple[float, int]], running: dict[str, list[float]]) -> Iterator[Usage]:
    for name in ended.keys() | running.keys():
        seconds, jobs = ended.get(name, (0.0, 0))
        now = running.get(name, [])
        yield Usage(name, float(seconds) + sum(now), int(jobs), len(now))


def _ended(by: UsedBy, period: Period) -> Any:
    sums = (func.sum(UsageDay.gpu_seconds), func.sum(UsageDay.jobs))
    name = _name(by, UsageDay.cluster)
    query = select(name, *sums).select_from(UsageDay).join(User, User.id == UsageDay.user_id)
    query = query.join(Team, Team.id == UsageDay.team_id)
    return query.where(UsageDay.day >= period.first, UsageDay.day <= period.last).group_by(name)


def _ended_by_day(by: UsedBy, period: Period, only: Sequence[ColumnElement[bool]]) -> Any:
    """Summed by ids, and named afterwards: to name each row costs ten times as much."""
    key = {UsedBy.USER: UsageDay.user_id, UsedBy.TEAM: UsageDay.team_id, UsedBy.CLUSTER: UsageDay.cluster}[by]
    sums = select(key.label("key"), UsageDay.day, func.sum(UsageDay.gpu_seconds).label("gpu_seconds"))
    in_period = (UsageDay.day >= period.first, UsageDay.day <= period.last)
    found = sums.where(*in_period, *only).group_by(key, UsageDay.day).subquery().c
    if by is UsedBy.CLUSTER:
        return select(found.key, found.day, found.gpu_seconds)
    whose = User if by is UsedBy.USER else Team
    return select(whose.name, found.day, found.gpu_seconds).join(whose, whose.id == found.key)


def _running(by: UsedBy, period: Period) -> Any:
    query = select(_name(by, Job.cluster), Job.gpus, Attempt.started_at, Job.limit_seconds).select_from(Job)
    query = query.join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
    query = query.join(User, User.id == Job.owner_id).join(Team, Team.id == Job.team_id)
    return query.where(Job.status == JobStatus.RUNNING, Attempt.started_at < period.end)


def _name(by: UsedBy, cluster: InstrumentedAttribute[str]) -> InstrumentedAttribute[str]:
    return {UsedBy.USER: User.name, UsedBy.TEAM: Team.name, UsedBy.CLUSTER: cluster}[by]
