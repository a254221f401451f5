"""The named points of a submission, told from outside: nothing of packtrain is patched to learn where it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.ssh_proxy import Direction, SshProxy
from tests.chaos.witness import ClusterWitness, Database

LOOK_SECONDS = 0.0005


class Point(StrEnum):
    """In the order in which a submission passes them."""

    CLAIMED = "claimed"
    """The row says `submitting`, with its token."""
    UNPACK_BEGUN = "unpack begun"
    """The attempt's folder is there: the program on the login node has begun."""
    UNPACKED = "unpacked"
    """The script, its last file, is there."""
    ACCEPTED = "accepted"
    """slurmctld has the job."""
    ANSWERED = "answered"
    """A byte has come back since then."""
    PENDING = "pending"
    """The row has Slurm's number."""


@dataclass(frozen=True)
class Strike:
    """A point that was waited for, and how far the submission was seen to be at that moment."""

    wanted: Point
    seen: Point


class SubmissionWatch:
    """Watches the first submission of jobs whose names begin with a prefix; made before they are ordered."""

    def __init__(self, database: Database, cluster: ClusterWitness, proxy: SshProxy, prefix: str) -> None:
        self._database = database
        self._cluster = cluster
        self._proxy = proxy
        self._prefix = prefix
        self._log_size = cluster.log_size()
        self._down_when_accepted: int | None = None
        self.strikes: list[Strike] = []
        self._looks: dict[Point, Callable[[], bool]] = {
            Point.CLAIMED: self._is_claimed,
            Point.UNPACK_BEGUN: lambda: self._is_there(""),
            Point.UNPACKED: lambda: self._is_there("job.sh"),
            Point.ACCEPTED: self._is_accepted,
            Point.ANSWERED: self._is_answered,
            Point.PENDING: self._is_pending,
        }

    def wait(self, point: Point, seconds: float) -> bool:
        """Wait until the submission is at this point, or already beyond it; False when it never came there."""
        later = [*Point][[*Point].index(point) :]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(self._looks[one]() for one in later):
                seen = [one for one in later if self._looks[one]()]  # a millisecond: the price of knowing
                self.strikes.append(Strike(point, seen[-1] if seen else point))
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _is_claimed(self) -> bool:
        return any(job.attempt > 0 for job in self._database.jobs(self._prefix))

    def _is_there(self, file: str) -> bool:
        jobs = self._database.jobs(self._prefix)
        return any(self._cluster.is_there(job.id, job.attempt, file) for job in jobs if job.attempt)

    def _is_accepted(self) -> bool:
        accepted = self._cluster.has_accepted(self._log_size)
        if accepted and self._down_when_accepted is None:
            self._down_when_accepted = self._proxy.passed(Direction.DOWN)
        return accepted

    def _is_answered(self) -> bool:
        return self._is_accepted() and self._proxy.passed(Direction.DOWN) > (self._down_when_accepted or 0)

    def _is_pending(self) -> bool:
        return any(job.slurm_job_id is not None for job in self._database.jobs(self._prefix))
