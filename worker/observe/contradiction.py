"""Exit records that say otherwise than Slurm: a job that Slurm runs is running, and its owner is told once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.transition import record_event
from worker.observe.judgement import Runs

GRACE = timedelta(seconds=30)
"""A run that has ended still removes its cache; until then Slurm runs it."""
_MESSAGE = "its exit record says that it has ended, but Slurm still runs it: the record is set aside"


def is_contradiction_news(attempt: LiveAttempt, judgement: Runs, now: datetime) -> bool:
    """Whether the rows do not hold yet what record and Slurm say of each other."""
    return _is_to_be_told(attempt, judgement, now) or judgement.is_contradicted != (
        attempt.contradicted_since is not None
    )


def note_contradiction(session: Session, live: LiveAttempt, attempt: Attempt, judgement: Runs, now: datetime) -> None:
    """Remember since when they differ, and tell of it when that has lasted."""
    attempt.contradicted_since = (live.contradicted_since or now) if judgement.is_contradicted else None
    if _is_to_be_told(live, judgement, now):
        attempt.contradiction_told_at = now
        record_event(session, live.job_id, "warning", _MESSAGE, now, {"code": "exit_record", "attempt": live.number})


def _is_to_be_told(attempt: LiveAttempt, judgement: Runs, now: datetime) -> bool:
    if not judgement.is_contradicted or attempt.contradicted_since is None or attempt.contradiction_told_at is not None:
        return False
    return now - attempt.contradicted_since >= GRACE
