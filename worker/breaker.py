"""A circuit breaker in front of a cluster: after a failure nothing at all is asked of it for a while.

Everything that a worker does on a cluster looks at the same one, so that its threads do not knock in turns. When the
pause is over one cycle is tried; if that fails too, the next pause is longer (worker.backoff).
"""

import random
import time
from collections.abc import Callable
from threading import Lock

from worker.backoff import delay_seconds


class Breaker:
    """Closed: all is well. Open: leave it alone. Safe for many threads."""

    def __init__(
        self,
        poll_interval_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._poll_interval_seconds = poll_interval_seconds
        self._monotonic, self._jitter = monotonic, jitter
        self._lock = Lock()
        self._failures = 0
        self._failures_ever = 0
        self._open_until = 0.0
        self._awaits_listener = False

    @property
    def failures(self) -> int:
        """Number of cycles in a row that have failed."""
        return self._failures

    @property
    def failures_ever(self) -> int:
        """Number of cycles that have failed since the start: it tells of failures between two looks at it."""
        return self._failures_ever

    @property
    def is_open(self) -> bool:
        """Whether the cluster is to be left alone: also when the pause is over, until a cycle has succeeded."""
        return self._failures > 0

    @property
    def awaits_listener(self) -> bool:
        """Whether the login node took no connection: the pause may end as soon as it does."""
        return self._awaits_listener and self.pause_seconds() > 0

    def end_pause(self) -> None:
        """End the pause, whose cause is over: the next cycle is tried now."""
        with self._lock:
            self._open_until = self._monotonic()

    def failed(self, *, awaits_listener: bool = False) -> None:
        """A cycle failed: the pause begins anew."""
        with self._lock:
            self._awaits_listener = awaits_listener
            self._failures += 1
            self._failures_ever += 1
            pause = delay_seconds(self._failures, self._poll_interval_seconds, self._jitter())
            self._open_until = self._monotonic() + pause

    def succeeded(self) -> None:
        """A whole cycle went well."""
        with self._lock:
            self._failures = 0

    def pause_seconds(self) -> float:
        """Seconds until the next try; 0 when it may be now."""
        return max(0.0, self._open_until - self._monotonic()) if self._failures else 0.0
