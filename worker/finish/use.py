"""Use of an attempt as its rows tell it, and its entry in the ledger: exactly once for each end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import ENDED
from tuning.queue.standing import bounded_slowdown, seconds_held
from tuning.usage.ledger import Account, EndedUse, add_use
from worker.driver import Driver


@contextmanager
def use_counted(session: Session, driver: Driver, job: Job, attempt: Attempt) -> Iterator[None]:
    """Bring the ledger to what the rows tell at the end of the block, in the place of what they told before it."""
    before = _ended_use(session, job, attempt)
    yield
    _add(session, driver, job, _ended_use(session, job, attempt), before)


def count_put_back(session: Session, driver: Driver, job: Job, attempt: Attempt) -> None:
    """Count what a running attempt has used that Slurm put back into its queue; it has not started any more."""
    if attempt.started_at is None:
        return
    _add(session, driver, job, _use(job, attempt.started_at, driver.now(), None), None)
    attempt.started_at = None


def _add(session: Session, driver: Driver, job: Job, use: EndedUse | None, before: EndedUse | None) -> None:
    account = Account(job.owner_id, job.team_id, job.cluster)
    add_use(session, account, use, driver.now(), driver.weights.half_life_seconds, instead_of=before)


def _ended_use(session: Session, job: Job, attempt: Attempt) -> EndedUse | None:
    """None while it has not ended, where it never began, and for jobs without GPUs."""
    if attempt.started_at is None or attempt.finished_at is None:
        return None
    return _use(job, attempt.started_at, attempt.finished_at, _slowdown(session, job))


def _use(job: Job, started_at: datetime, until: datetime, slowdown: float | None) -> EndedUse | None:
    if job.gpus <= 0:
        return None
    held = timedelta(seconds=_held_seconds(started_at, until, job))
    return EndedUse(job.gpus, started_at, held, slowdown)


def _slowdown(session: Session, job: Job) -> float | None:
    if job.status not in ENDED or job.finished_at is None:
        return None
    session.flush()
    runs = session.execute(select(Attempt.started_at, Attempt.finished_at).where(Attempt.job_id == job.id))
    run_seconds = sum(_held_seconds(began, ended, job) for began, ended in runs)
    since = job.queued_at or job.created_at
    return bounded_slowdown(max((job.finished_at - since).total_seconds() - run_seconds, 0.0), run_seconds)


def _held_seconds(started_at: datetime | None, finished_at: datetime | None, job: Job) -> float:
    if started_at is None or finished_at is None:
        return 0.0
    return seconds_held(started_at.timestamp(), finished_at.timestamp(), job.limit_seconds)
