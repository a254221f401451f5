"""Attendance of a cluster's worker, judged by the age of its signs of life when somebody reads them. Pure.

What only a living worker writes (`unreachable_since`) cannot tell that it is dead: the age of its lease and of its last
whole cycle can.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

CYCLES = 3
"""So many cycles without a sign of life are told."""
SHORTEST_PATIENCE = timedelta(seconds=5)
"""A machine may be busy for a moment."""


@dataclass(frozen=True)
class WorkerSign:
    """Signs of life in a cluster's row, by the clock of the worker that wrote them."""

    cluster: str
    lease_token: int
    lease_expires_at: datetime | None
    """None: nobody holds the lease."""
    reached_at: datetime | None
    """End of the last whole cycle in which the cluster answered."""
    is_unreachable: bool
    """The worker says that the cluster does not answer: then no cycle is whole."""
    cycle_seconds: float = 0.0
    """Duration of the last whole cycle."""

    def newest(self, lease_seconds: float) -> datetime | None:
        """The newest sign of life; None where there never was any."""
        renewed_at = self.lease_expires_at - timedelta(seconds=lease_seconds) if self.lease_expires_at else None
        return max((moment for moment in (renewed_at, self.reached_at) if moment is not None), default=None)


@dataclass(frozen=True)
class Pace:
    """Pace of a cluster's worker, by the settings."""

    poll_interval_seconds: float
    command_timeout_seconds: float

    def sign_patience(self) -> timedelta:
        """Greatest age of the newest sign of life."""
        return max(timedelta(seconds=CYCLES * self.poll_interval_seconds), SHORTEST_PATIENCE)

    def cycle_patience(self, cycle_seconds: float) -> timedelta:
        """Greatest age of the last whole cycle of a worker that keeps its lease: a command may take its time."""
        longest_seconds = max(self.poll_interval_seconds, cycle_seconds)
        return timedelta(seconds=CYCLES * longest_seconds + self.command_timeout_seconds)


@dataclass(frozen=True)
class Sighting:
    """Signs of life as a reader saw them, and the times by the reader's own clock at which they were new."""

    sign: WorkerSign
    sign_at: datetime | None
    cycle_at: datetime | None


@dataclass(frozen=True)
class Absence:
    """Absence of a cluster's worker: since when nothing newer is known of the cluster, and why."""

    since: datetime
    is_stuck: bool = False
    """A worker holds the lease, and ends no cycle."""

    def sentence(self, cluster: str) -> str:
        """For people; `cluster` as the sentence is to name it."""
        since = f"since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.is_stuck:
            return f"the worker has ended no cycle of {cluster} {since}"
        return f"no worker drives {cluster} {since}"


def sighting(sign: WorkerSign, before: Sighting | None, now: datetime, lease_seconds: float) -> Sighting:
    """The sighting after another look. What has changed under the reader's eyes is new now, whatever time it says.

    So clocks of two machines are compared at the first look alone.
    """
    if before is None:
        return Sighting(sign, _past(sign.newest(lease_seconds), now), _past(sign.reached_at, now))
    is_new_sign = _marks(sign) != _marks(before.sign)
    is_new_cycle = sign.reached_at != before.sign.reached_at
    return Sighting(sign, now if is_new_sign else before.sign_at, now if is_new_cycle else before.cycle_at)


def absence(seen: Sighting, pace: Pace, now: datetime) -> Absence | None:
    """Absence of the worker at this moment; None where it is there, or where none has ever been."""
    if seen.sign_at is None:
        return None
    if now - seen.sign_at > pace.sign_patience():
        return Absence(seen.sign_at)
    if seen.cycle_at is None or seen.sign.is_unreachable:
        return None
    if now - seen.cycle_at > pace.cycle_patience(seen.sign.cycle_seconds):
        return Absence(seen.cycle_at, is_stuck=True)
    return None


def _marks(sign: WorkerSign) -> tuple[int, datetime | None, datetime | None]:
    return sign.lease_token, sign.lease_expires_at, sign.reached_at


def _past(moment: datetime | None, now: datetime) -> datetime | None:
    """A time that a clock ahead of ours wrote is not in the future."""
    return min(moment, now) if moment is not None else None
