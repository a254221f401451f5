"""Ages by this process's monotonic clock: how long things have been as they are while this worker has watched them.

Times in the database are of some wall clock, which may jump, on whatever machine it is: they are shown and never
subtracted from each other to decide something. What a worker found when it began is at least as old as the worker.
"""

import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from threading import Lock

FORGOTTEN_SECONDS = 3600.0


class Ages:
    """An age for each key. Safe for many threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._since: dict[Hashable, float] = {}
        self._asked: dict[Hashable, float] = {}
        self._began = self._swept_at = monotonic()

    def restart(self, key: Hashable) -> None:
        """From now on."""
        with self._lock:
            self._since[key] = self._asked[key] = self._monotonic()
            self._sweep()

    def of(self, key: Hashable) -> timedelta:
        """Age of a key since its restart; a key without a restart is from before this worker, and as old as that."""
        with self._lock:
            now = self._monotonic()
            self._asked[key] = now
            return timedelta(seconds=now - self._since.get(key, self._began))

    def _sweep(self) -> None:
        now = self._monotonic()
        if now - self._swept_at < FORGOTTEN_SECONDS:
            return
        self._swept_at = now
        for key in [key for key, asked in self._asked.items() if now - asked > FORGOTTEN_SECONDS]:
            del self._asked[key]
            self._since.pop(key, None)
