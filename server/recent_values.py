"""Values that are remembered for some seconds, the newest few of them. For many threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class RecentValues(Generic[Key, Value]):
    """The newest values by key, each for so many seconds."""

    def __init__(self, seconds: float, most: int, monotonic: Callable[[], float]) -> None:
        self._seconds, self._most, self._monotonic = seconds, most, monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, unless it is too old or was never there."""
        with self._lock:
            kept = self._kept.get(key)
            return kept[1] if kept is not None and self._monotonic() - kept[0] < self._seconds else None

    def put(self, key: Key, value: Value) -> None:
        """Remember a value; the oldest one goes where there are too many."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (self._monotonic(), value)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
