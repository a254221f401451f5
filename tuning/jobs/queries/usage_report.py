"""Queries of the GPU time that users, teams and clusters had between two days: of ended attempts, and of what runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.people.directory import owner_is_seen
from tuning.people.models import Team, User
from tuning.people.tokens import Principal
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


def usage(session: Session, by: UsedBy, period: Period, now: datetime, reader: Principal) -> list[Usage]:
    """GPU time within a period, the greatest first. What runs is counted up to now.

    Of users, only those whose jobs the reader may see; teams and clusters are the whole lab's.
    """
    is_of_users = by is UsedBy.USER
    ended_of = owner_is_seen(reader, UsageDay.user_id) if is_of_users else true()
    running_of = owner_is_seen(reader, Job.owner_id) if is_of_users else true()
    ended = {name: (seconds, jobs) for name, seconds, jobs in session.execute(_ended(by, period).where(ended_of))}
    running: dict[str, list[float]] = {}
    for name, gpus, started_at in session.execute(_running(by, period).where(running_of)):
        seconds = (min(now, period.end) - max(started_at, period.start)).total_seconds()
        running.setdefault(name, []).append(gpus * max(seconds, 0.0))
    found = list(_summed(ended, running))
    return sorted(found, key=lambda each: (-each.gpu_seconds, each.name))


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


def _running(by: UsedBy, period: Period) -> Any:
    query = select(_name(by, Job.cluster), Job.gpus, Attempt.started_at).select_from(Job)
    query = query.join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
    query = query.join(User, User.id == Job.owner_id).join(Team, Team.id == Job.team_id)
    return query.where(Job.status == JobStatus.RUNNING, Attempt.started_at < period.end)


def _name(by: UsedBy, cluster: InstrumentedAttribute[str]) -> InstrumentedAttribute[str]:
    return {UsedBy.USER: User.name, UsedBy.TEAM: Team.name, UsedBy.CLUSTER: cluster}[by]
