"""Database reads of the feed: on threads of its own, and the same question of many readers only once."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.db.engine import transaction
from tuning.errors import Unavailable

Answer = TypeVar("Answer")
Question = Callable[[Session], Answer]

_THREADS = 4
"""The feed's share of the database, however many ask: one for the tick, the others for what memory does not hold."""


class DatabaseReads:
    """Questions to the database from the event loop. Raises Unavailable where it does not answer."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._for_ticks = ThreadPoolExecutor(1, "feed-tick")
        self._for_readers = ThreadPoolExecutor(_THREADS - 1, "feed-read")
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def for_tick(self, question: Question[Answer]) -> Answer:
        """Ask at once, whatever readers want meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._for_ticks, self._ask, question)

    async def for_reader(self, key: Hashable, question: Question[Answer]) -> Answer:
        """Ask, or share the answer with those who ask the same at this moment; `key` says what is the same.

        What the asker knew when the read began (a place, a time) belongs into the answer: all who share it need that.
        """
        task: asyncio.Task[Answer] | None = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._ask_in_turn(question))
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def end_sharing(self) -> None:
        """Let those who ask from now on join no read that is under way: it may be older than what they know already.

        To be called with all that memory takes in, before anybody is told of it.
        """
        self._under_way.clear()

    def close(self) -> None:
        """Let the threads go; what is asked already is answered."""
        self._for_ticks.shutdown(wait=True)
        self._for_readers.shutdown(wait=True, cancel_futures=True)

    async def _ask_in_turn(self, question: Question[Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._for_readers, self._ask, question)

    def _ask(self, question: Question[Answer]) -> Answer:
        try:
            with transaction(self._sessions) as session:
                return question(session)
        except DATABASE_TROUBLE as error:
            raise Unavailable("the database does not answer", retry_after_seconds=2) from error

    def _end(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # looked at here too: all who asked may have left
