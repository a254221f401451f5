"""Counts of answers in the database: whose tokens they were, and that a served model is in use."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from anyio import CancelScope, CapacityLimiter, to_thread
from sqlalchemy.orm import Session, sessionmaker

from server.openai.chat.answers import Usage
from server.recent_values import RecentValues
from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.db.engine import transaction
from tuning.jobs.serving.servers import touch_last_used
from tuning.usage.tokens import Tokens, add_tokens

_TOUCH_SECONDS = 5.0
_MOST_SERVERS = 1000
_log = logging.getLogger(__name__)


class AnswerCounts:
    """Writer of what answers cost, on threads of its own; what cannot be written is logged, the answer was given."""

    def __init__(
        self, sessions: sessionmaker[Session], clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._touched = RecentValues[str, bool](_TOUCH_SECONDS, _MOST_SERVERS, monotonic)
        self._threads = CapacityLimiter(2)
        self._under_way: set[asyncio.Task[None]] = set()

    def note_use(self, job_id: str) -> None:
        """Note that a server is used, once in some seconds however many use it; no answer waits for that."""
        if self._touched.get(job_id) is None:
            self._touched.put(job_id, True)
            task = asyncio.create_task(self._write(lambda session: touch_last_used(session, job_id, self._clock())))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def answered(self, user_id: str, model: str, job_id: str, usage: Usage) -> None:
        """Count an answer that has ended, also for whoever is being cancelled."""
        tokens = Tokens(usage.prompt_tokens, usage.completion_tokens)

        def write(session: Session) -> None:
            now = self._clock()
            add_tokens(session, user_id, model, tokens, now)
            touch_last_used(session, job_id, now)

        with CancelScope(shield=True):
            await self._write(write)

    async def _write(self, work: Callable[[Session], None]) -> None:
        await to_thread.run_sync(self._in_transaction, work, limiter=self._threads)

    def _in_transaction(self, work: Callable[[Session], None]) -> None:
        try:
            with transaction(self._sessions) as session:
                work(session)
        except DATABASE_TROUBLE as error:
            _log.error("an answer was not counted", extra={"action": "not_counted", "reason": str(error)[:200]})
