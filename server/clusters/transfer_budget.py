"""Budget of transfers from one cluster: how many at once and how many a minute, for each person and in all."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tuning.errors import Unavailable

OPENINGS_A_MINUTE = 120
"""Each is two channels on a kept connection: one command that looks, one transfer."""
OPENINGS_A_MINUTE_EACH = 60
"""Of one person: the rest is left for the others."""

_MINUTE_SECONDS = 60.0


@dataclass(frozen=True)
class TransferLimits:
    """The most files that are read from one cluster at once. An OpenSSH connection has ten channels (MaxSessions)."""

    in_all: int = 6
    per_person: int = 2


class TransferBudget:
    """Budget of transfers from one cluster's login node, at once and a minute. Safe for many threads."""

    def __init__(self, limits: TransferLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._openings: deque[tuple[float, str]] = deque()

    @contextmanager
    def place(self, user_id: str) -> Iterator[None]:
        """A place for one transfer until the block ends. Raises Unavailable when it would be one too many."""
        self._take(user_id)
        try:
            yield
        finally:
            with self._lock:
                self._open[user_id] -= 1

    def _take(self, user_id: str) -> None:
        with self._lock:
            now = self._monotonic()
            while self._openings and self._openings[0][0] <= now - _MINUTE_SECONDS:
                self._openings.popleft()
            self._refuse_too_many_at_once(user_id)
            self._refuse_too_many_a_minute(user_id, now)
            self._open = +self._open  # forgets those who have none
            self._open[user_id] += 1
            self._openings.append((now, user_id))

    def _refuse_too_many_at_once(self, user_id: str) -> None:
        if self._open[user_id] >= self._limits.per_person:
            message = f"you read {self._limits.per_person} files from this cluster already"
            raise Unavailable(message, retry_after_seconds=5, hint="one person may not have more at once")
        if self._open.total() >= self._limits.in_all:
            message = f"{self._limits.in_all} files are being read from this cluster already"
            raise Unavailable(message, retry_after_seconds=5)

    def _refuse_too_many_a_minute(self, user_id: str, now: float) -> None:
        own = [at for at, who in self._openings if who == user_id]
        if len(own) >= OPENINGS_A_MINUTE_EACH:
            message = f"{OPENINGS_A_MINUTE_EACH} files a minute are read from this cluster for one person at most"
            raise Unavailable(message, retry_after_seconds=int(own[0] + _MINUTE_SECONDS - now) + 1)
        if len(self._openings) >= OPENINGS_A_MINUTE:
            message = f"{OPENINGS_A_MINUTE} files a minute are read from this cluster at most"
            raise Unavailable(message, retry_after_seconds=int(self._openings[0][0] + _MINUTE_SECONDS - now) + 1)
