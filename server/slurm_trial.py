"""A question to Slurm through the cluster's driver: the server itself gives no commands."""

import asyncio
from datetime import datetime

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters import trials
from tuning.clusters.trials import TrialAnswer
from tuning.db import transaction

_LOOK_SECONDS = 0.1


async def ask_slurm(
    sessions: sessionmaker[Session], cluster: str, script: str, now: datetime, patience_seconds: float
) -> TrialAnswer | None:
    """What Slurm would do with a job of these #SBATCH lines; None where nobody answered in time.

    No session is open while it waits. Who asks the same within a minute is told the same.
    """

    def ask() -> tuple[bool, TrialAnswer | None]:
        with transaction(sessions) as session:
            can_be_asked = trials.can_be_asked(session, cluster, now)
            return can_be_asked, trials.ask(session, cluster, script, now) if can_be_asked else None

    def look() -> TrialAnswer | None:
        with transaction(sessions) as session:
            return trials.answer_to(session, cluster, script)

    is_asked, answer = await run_in_threadpool(ask)
    for _ in range(round(patience_seconds / _LOOK_SECONDS) if is_asked else 0):
        if answer is not None:
            break
        await asyncio.sleep(_LOOK_SECONDS)
        answer = await run_in_threadpool(look)
    return answer
