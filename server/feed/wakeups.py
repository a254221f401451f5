"""Waking those who wait: each at most once a tick, a few at a time, and nobody whom a change does not concern."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

EVERYTHING = "*"
"""The subject of those who want to hear of every job."""

_WOKEN_AT_ONCE = 50
"""Between two handfuls the event loop serves others, so that a thousand subscribers do not hold up a poll."""


class Listener:
    """A waiting reader. A ring that comes between two waits is not lost: the next wait ends at once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the wait, or the next one."""
        self._rung.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """Whether it rang before the time was over."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Bells:
    """Listeners by subject: a job id, the logs of a job, or EVERYTHING."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}

    @contextmanager
    def listen(self, *subjects: str) -> Iterator[Listener]:
        """Listen to some subjects until the block ends. Look at the state after this began, not before."""
        listener = Listener()
        for subject in subjects:
            self._listeners.setdefault(subject, set()).add(listener)
        try:
            yield listener
        finally:
            for subject in subjects:
                self._listeners[subject].discard(listener)
                if not self._listeners[subject]:
                    del self._listeners[subject]

    def subjects(self) -> frozenset[str]:
        """The subjects that have a listener."""
        return frozenset(self._listeners)

    async def ring(self, subjects: Iterable[str]) -> None:
        """Wake everybody who listens to one of these."""
        listeners = {each for subject in subjects for each in self._listeners.get(subject, ())}
        for number, listener in enumerate(listeners, start=1):
            listener.ring()
            if number % _WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    def ring_at_once(self) -> None:
        """Wake everybody in one go: the server stops."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.ring()
