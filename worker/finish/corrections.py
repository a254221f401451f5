"""Ends that little evidence tells of: looked at again for a day, and set right by what comes late."""

import logging
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.jobs.actions.control import touch
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.queries.requests import lock_job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import correct, record_event
from tuning.slurm.states import final_state
from worker.driver import Driver
from worker.finish.end import judge_again
from worker.finish.recheck_times import next_recheck
from worker.finish.use import use_counted
from worker.observe.judgement import Elsewhere, Ended, Ending, Judgement, Missing, Runs, Waits

log = logging.getLogger(__name__)


def recheck(
    session: Session, driver: Driver, live: LiveAttempt, judgement: Judgement, contents: Mapping[str, bytes]
) -> None:
    """Correct a job that was said to have ended, by a later judgement of its attempt."""
    job = lock_job(session, live.job_id)
    if job is None:
        return  # ended jobs may be deleted
    attempt, now = session.get_one(Attempt, (live.job_id, live.number)), driver.now()
    attempt.recheck_at = next_recheck(job.finished_at or now, now)
    if _awaits_word_alone(job, attempt):
        _note_word(job, attempt, judgement, now)
        return
    with use_counted(session, driver, job, attempt):
        _correct(session, driver, live, judgement, contents)


def _correct(
    session: Session, driver: Driver, live: LiveAttempt, judgement: Judgement, contents: Mapping[str, bytes]
) -> None:
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    now = driver.now()
    match judgement:
        case Runs(slurm_state=state):
            _goes_on(session, job, attempt, JobStatus.RUNNING, f"Slurm runs it ({state})", now)
        case Waits(slurm_state=state):
            _goes_on(session, job, attempt, JobStatus.PENDING, f"Slurm has it in its queue ({state})", now)
        case Missing(polls=0):
            _goes_on(session, job, attempt, JobStatus.RUNNING, "its files grow", now)
        case Elsewhere(slurm_job_id):
            follow(session, live, slurm_job_id, now)
            attempt.recheck_at = now
        case Ended():
            judge_again(session, driver, live, judgement, contents)
        case _:
            return


def _awaits_word_alone(job: Job, attempt: Attempt) -> bool:
    """Whether its end is beyond doubt, and only Slurm's word on it was not heard."""
    is_certain = job.status is JobStatus.SUCCEEDED or job.cancel_requested_at is not None
    has_own_record = attempt.exit_code not in (None, 0)
    return attempt.slurm_state is None and (is_certain or has_own_record)


def _note_word(job: Job, attempt: Attempt, judgement: Judgement, now: datetime) -> None:
    state = final_state(judgement.slurm_state) if isinstance(judgement, Ended | Ending) else None
    if state is not None:
        job.slurm_state = attempt.slurm_state = state
        attempt.recheck_at = None
        touch(job, now)


def follow(session: Session, live: LiveAttempt, slurm_job_id: int, now: datetime) -> None:
    """The Slurm job that owns the attempt is the one that counts from now on."""
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    message = f"its attempt {live.number} belongs to Slurm job {slurm_job_id}, not to {live.slurm_job_id}"
    attempt.slurm_job_id = job.slurm_job_id = slurm_job_id
    attempt.missing_since, attempt.missing_polls = None, 0
    record_event(session, live.job_id, "warning", f"{message}: that one counts", now, {"code": "double"})
    touch(job, now)
    log.warning(message, extra={"action": "follow_owner", "job_id": live.job_id})


def _goes_on(session: Session, job: Job, attempt: Attempt, to: JobStatus, reason: str, now: datetime) -> None:
    attempt.recheck_at = attempt.finished_at = attempt.ended_by = attempt.exit_code = None
    attempt.missing_since, attempt.missing_polls = None, 0
    attempt.started_at = attempt.started_at or (now if to is JobStatus.RUNNING else None)
    correct(session, job, to, reason, now)
    log.warning("%s goes on: %s", job.id, reason, extra={"action": "corrected", "job_id": job.id})
