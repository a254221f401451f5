"""A question to Slurm through the cluster's driver: the server itself gives no commands."""

import asyncio
from datetime import datetime

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker

from server.http.bounds.shares import Places
from tuning.clusters import trials
from tuning.clusters.trials import TrialAnswer
from tuning.db.engine import transaction
from tuning.errors import TooManyRequests

_LOOK_SECONDS = 0.1


class SlurmTrials:
    """Questions to the clusters' Slurm, a few of each person at once."""

    def __init__(self, sessions: sessionmaker[Session], places: Places, patience_seconds: float) -> None:
        self._sessions = sessions
        self._places = places
        self._patience_seconds = patience_seconds

    async def ask(self, user_id: str, cluster: str, script: str, now: datetime) -> TrialAnswer | None:
        """Slurm's answer to a trial of a job with these #SBATCH lines; None where nobody answered in time.

        No session is open while it waits. Who asks the same within a minute is told the same. A person who waits for
        enough answers already gets none: the others' questions come first.
        """
        try:
            with self._places.place(user_id):
                return await self._answer(cluster, script, now)
        except TooManyRequests:
            return None

    async def _answer(self, cluster: str, script: str, now: datetime) -> TrialAnswer | None:
        def ask() -> tuple[bool, TrialAnswer | None]:
            with transaction(self._sessions) as session:
                can_be_asked = trials.can_be_asked(session, cluster, now)
                return can_be_asked, trials.ask(session, cluster, script, now) if can_be_asked else None

        def look() -> TrialAnswer | None:
            with transaction(self._sessions) as session:
                return trials.answer_to(session, cluster, script)

        is_asked, answer = await run_in_threadpool(ask)
        for _ in range(round(self._patience_seconds / _LOOK_SECONDS) if is_asked else 0):
            if answer is not None:
                break
            await asyncio.sleep(_LOOK_SECONDS)
            answer = await run_in_threadpool(look)
        return answer
