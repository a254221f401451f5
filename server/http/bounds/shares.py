"""Fair shares of what the server has few of: so many at once for each person, and in all."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

from tuning.errors import TooManyRequests, Unavailable

_SECONDS_TO_COME_BACK = 5


class Places:
    """Places for one kind of use, such as open streams or downloads. Safe for many threads."""

    def __init__(self, uses: str, *, per_person: int, in_all: int | None = None) -> None:
        """`uses` is the plural that refusals speak of."""
        self._uses = uses
        self._per_person, self._in_all = per_person, in_all
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, user_id: str) -> Iterator[None]:
        """A place until the block ends. Raises TooManyRequests, and Unavailable where others have all of them."""
        self._take(user_id)
        try:
            yield
        finally:
            self._give_back(user_id)

    def held_until_closed(self, user_id: str) -> ExitStack:
        """A place to be handed on, which is given back when the stack is closed. Raises as `place` does."""
        with ExitStack() as stack:
            stack.enter_context(self.place(user_id))
            return stack.pop_all()

    def _take(self, user_id: str) -> None:
        with self._lock:
            if self._held.get(user_id, 0) >= self._per_person:
                raise TooManyRequests(
                    f"you have {self._per_person} {self._uses} at once already, which is the most for one person",
                    retry_after_seconds=_SECONDS_TO_COME_BACK,
                    hint="end one of them, or wait for its end",
                )
            if self._in_all is not None and self._held.total() >= self._in_all:
                raise Unavailable(
                    f"all {self._in_all} places for {self._uses} are taken",
                    retry_after_seconds=_SECONDS_TO_COME_BACK,
                    hint="ask again in a moment",
                )
            self._held[user_id] += 1

    def _give_back(self, user_id: str) -> None:
        with self._lock:
            self._held[user_id] -= 1
            if not self._held[user_id]:
                del self._held[user_id]


class Turns:
    """Turns for one kind of work, such as checks: whoever comes when all are taken waits. For the event loop alone."""

    def __init__(self, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[None]:
        """A turn until the block ends: a person has one at once, so that nobody waits for all of another's."""
        own = self._own.setdefault(user_id, asyncio.Lock())
        async with own, self._turns:
            yield
