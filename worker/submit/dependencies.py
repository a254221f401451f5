"""Queued jobs whose dependencies can no longer succeed are ended: they would wait for ever."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from tuning.jobs.models import Job
from tuning.jobs.queries.dependencies import DEPENDENCY_FAILED, DeadEnd, dead_ends
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.quarantine import Quarantine

MOST_LEVELS = 1000
"""So long a chain of jobs is ended in one cycle; what is behind it comes with the next."""


def end_dead_ends(driver: Driver) -> None:
    """Fail each with the reason, and those that wait for it in turn. No remote command."""
    for _ in range(MOST_LEVELS):
        with driver.load() as session:
            found = dead_ends(session, driver.settings.name)
        if not found or not _end_level(driver, found):
            return


def _end_level(driver: Driver, found: Sequence[DeadEnd]) -> bool:
    """Whether any of them was ended."""
    quarantine = Quarantine(driver, Step.DEAD_ENDS, _subject)
    quarantine.forget_all_but(found)
    ended = quarantine.together(quarantine.due(found), partial(_end, driver))
    quarantine.succeeded(ended)
    return bool(ended)


def _subject(dead_end: DeadEnd) -> Subject:
    return Subject.job(dead_end.job_id)


def _end(driver: Driver, found: Sequence[DeadEnd]) -> None:
    with driver.apply() as session:
        for dead_end in filter(found.__contains__, dead_ends(session, driver.settings.name)):
            job = session.get_one(Job, dead_end.job_id)
            job.failure = {
                "code": DEPENDENCY_FAILED,
                "message": dead_end.reason,
                "hint": _hint(session, dead_end),
                "evidence": [],
            }
            transition(session, job, JobStatus.FAILED, dead_end.reason, driver.now())


def _hint(session: Session, dead_end: DeadEnd) -> str | None:
    """The first of a chain is to be retried: whoever waited for it says so already."""
    awaited = session.get(Job, dead_end.awaited_id)
    if awaited is None:
        return "retry it without that dependency (depends_on)"
    failure = awaited.failure or {}
    if failure.get("code") == DEPENDENCY_FAILED:
        return failure.get("hint")
    return f"`packtrain retry {awaited.id} --with-dependents` retries that one, and this behind it"
