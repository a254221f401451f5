"""Token buckets by key, each kept as one number. No clock of its own."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

_ROUNDING = 1e-3
"""So much of one more is let through, or sums of fractions would keep back the last of a burst."""


@dataclass(frozen=True)
class Level:
    """Level of a bucket."""

    most: int
    """In a full one."""
    left: int
    full_in_seconds: float


class RateBuckets:
    """At most `burst` times at once, and `per_second` times a second in the long run, for each key.

    Of a bucket only the moment is kept at which it will be full again; one that is full need not be kept at all. So
    no more than `most` are: beyond that the one that was used longest ago is forgotten. Safe for many threads.
    """

    def __init__(self, per_second: float, burst: int, *, most: int) -> None:
        self._burst = burst
        self._seconds_each = 1 / per_second
        self._capacity_seconds = (burst + _ROUNDING) / per_second
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: str) -> bool:
        """Whether the key's bucket is kept."""
        return key in self._full_at

    def __len__(self) -> int:
        """Number of buckets that are kept."""
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take one from the key's bucket: 0, or if it is empty the seconds until there is one."""
        with self._lock:
            full_at = max(self._full_at.get(key, now), now) + self._seconds_each
            late = full_at - now - self._capacity_seconds
            if late > 0:
                return late
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
            return 0.0

    def level(self, key: str, now: float) -> Level:
        """Level of the key's bucket; nothing is taken."""
        missing_seconds = max(0.0, self._full_at.get(key, now) - now)
        left = math.floor((self._capacity_seconds - missing_seconds) / self._seconds_each)
        return Level(self._burst, max(0, left), missing_seconds)

    def wait(self, key: str, now: float) -> float:
        """The seconds until the key's bucket has one; nothing is taken."""
        full_at = max(self._full_at.get(key, now), now) + self._seconds_each
        return max(0.0, full_at - now - self._capacity_seconds)
