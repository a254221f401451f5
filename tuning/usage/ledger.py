"""Ledger of GPU seconds, by day and decayed, and of slowdowns: written in the transaction that ends an attempt.

What stands in it of an attempt follows from its start and end alone. So an end that is corrected takes back what was
added by the old one, and adds the new: nothing is counted twice, and nothing is kept beside to know what was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from tuning.queue.standing import PastJobs, with_slowdown, with_use, without
from tuning.usage.models import DecayedUse, UsageDay

_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Account:
    """User, team and cluster of a use."""

    user_id: str
    team_id: str
    cluster: str


@dataclass(frozen=True, slots=True)
class EndedUse:
    """Use of an attempt that has ended."""

    gpus: int
    started_at: datetime
    held: timedelta
    """For how long it had its GPUs: never negative."""
    slowdown: float | None = None
    """Of the job, where it has ended with this attempt."""

    @property
    def gpu_seconds(self) -> float:
        """GPUs by seconds; a year at most."""
        return self.gpus * min(self.held, _LONGEST).total_seconds()

    @property
    def last_day(self) -> date:
        """The day (UTC) on which it ended."""
        return (self.started_at + min(self.held, _LONGEST)).astimezone(UTC).date()


def add_use(
    session: Session,
    account: Account,
    use: EndedUse | None,
    now: datetime,
    half_life_seconds: float,
    *,
    instead_of: EndedUse | None = None,
) -> None:
    """Add the use of an attempt that ended, in the place of what was added of it before; None = it has none."""
    if use == instead_of:
        return
    for sign, its in ((-1, instead_of), (1, use)):
        if its is not None:
            _add_by_day(session, account, its, sign)
    _add_decayed(session, account, use, instead_of, (now.timestamp(), half_life_seconds))


def use_by_day(use: EndedUse) -> Iterator[tuple[date, float]]:
    """The days (UTC) of an attempt, each with its GPU seconds."""
    start = use.started_at.astimezone(UTC)
    end = start + min(use.held, _LONGEST)
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), UTC)
        yield start.date(), use.gpus * (min(midnight, end) - start).total_seconds()
        start = midnight


def _add_by_day(session: Session, account: Account, use: EndedUse, sign: int) -> None:
    for day, gpu_seconds in use_by_day(use):
        row = _day(session, account, day)
        row.gpu_seconds = max(row.gpu_seconds + sign * gpu_seconds, 0.0)
    row = _day(session, account, use.last_day)
    row.jobs = max(row.jobs + sign, 0)


def _day(session: Session, account: Account, day: date) -> UsageDay:
    key = {"user_id": account.user_id, "team_id": account.team_id, "cluster": account.cluster, "day": day}
    row = session.get(UsageDay, key)
    if row is None:
        row = UsageDay(**key, gpu_seconds=0.0, jobs=0)
        session.add(row)
        session.flush()  # a later look in this transaction is to find it
    return row


def _add_decayed(
    session: Session, account: Account, use: EndedUse | None, before: EndedUse | None, when: tuple[float, float]
) -> None:
    row = _sums(session, account, when[0])
    past = PastJobs(row.gpu_seconds, row.slowdowns, row.jobs, row.at.timestamp())
    if before is not None:
        past = without(past, before.gpu_seconds, before.slowdown)
    if use is not None:
        past = with_use(past, use.gpu_seconds, *when)
        past = past if use.slowdown is None else with_slowdown(past, use.slowdown, *when)
    row.gpu_seconds, row.slowdowns, row.jobs = past.gpu_seconds, past.slowdowns, past.jobs
    row.at = datetime.fromtimestamp(past.at, UTC)


def _sums(session: Session, account: Account, now: float) -> DecayedUse:
    key = {"user_id": account.user_id, "team_id": account.team_id, "cluster": account.cluster}
    row = session.get(DecayedUse, key)
    if row is None:
        at = datetime.fromtimestamp(now, UTC)
        row = DecayedUse(**key, at=at, gpu_seconds=0.0, slowdowns=0.0, jobs=0.0)
        session.add(row)
        session.flush()
    return row
