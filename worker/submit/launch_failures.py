"""Launch failures in the rows: the job waits and is submitted again, with a backoff and not for ever.

A launch that failed is no attempt: its row goes, as that of a submission which never happened. How often it failed is
counted where poison jobs are (tuning.jobs.troubles), so that the operator sees it, until the job has begun.
"""

from collections.abc import Collection

from sqlalchemy.orm import Session

from tuning.clusters.sick_nodes import Fault, note_fault
from tuning.errors import LaunchFailed
from tuning.jobs.attempt.node_at_fault import node_at_fault
from tuning.jobs.models import Attempt, Job, Trouble
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.jobs.troubles import Step, Subject, forget, note_failure
from tuning.llamafactory.outcome.failure import Failure
from worker.driver import Driver
from worker.finish.failure import failure_json
from worker.observe.judgement import Unbegun, Waits
from worker.submit.batch import give_back
from worker.submit.launch import LAUNCH_FAILED, TAKEN_BACK
from worker.submit.taken_back import BACK_IN_QUEUE

MOST_LAUNCHES = 10
"""So many failures in a row, three quarters of an hour, are no passing trouble of a node."""
_HINT = (
    "`sinfo -R` may name the reason; ask the administrators of the cluster, then retry: nothing is wrong with the job"
)


def note_unbegun(session: Session, driver: Driver, live: LiveAttempt, judgement: Unbegun) -> None:
    """Let a job whose launch failed wait for the next try, or fail after too many."""
    job, attempt = session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
    name, now, words = driver.settings.name, driver.now(), _words(judgement)
    if attempt.ended_by == TAKEN_BACK:
        give_back(session, job, attempt, BACK_IN_QUEUE, now)
        return
    error = LaunchFailed(f"{words}; `sinfo -R` may name the reason")
    row = session.get(Trouble, (name, Step.LAUNCH, live.job_id))
    if row is not None and row.failures + 1 >= MOST_LAUNCHES and job.hold_requested_at is None:
        _fail(session, driver, job, attempt, judgement)
        return
    if job.started_at == attempt.started_at:
        job.started_at = None  # Slurm had said so of its prolog
    if node := node_at_fault(judgement.nodes, ()):
        note_fault(session, name, Fault(node, job.id, now, words))
    give_back(session, job, attempt, f"{words}: submitting again", now)
    if job.status is JobStatus.QUEUED:
        note_failure(session, name, Step.LAUNCH, Subject.job(job.id), error, now)


def note_begun(session: Session, driver: Driver, job_ids: Collection[str]) -> None:
    """These jobs have begun: their launches are counted anew."""
    if job_ids:
        forget(session, driver.settings.name, Step.LAUNCH, job_ids)


def take_back(session: Session, live: LiveAttempt, attempt: Attempt, judgement: Waits, driver: Driver) -> None:
    """Have a job ended that Slurm holds for good since its nodes could not start it (worker.upkeep.cancel)."""
    attempt.ended_by = LAUNCH_FAILED
    message = f"no node could start it, and Slurm holds it ({judgement.slurm_reason}): it is taken back"
    record_event(session, live.job_id, "warning", message, driver.now(), {"code": LAUNCH_FAILED})


def _fail(session: Session, driver: Driver, job: Job, attempt: Attempt, judgement: Unbegun) -> None:
    message = f"Slurm could not start the job, {MOST_LAUNCHES} times in a row; the last time: {_words(judgement)}"
    failure = Failure(LAUNCH_FAILED, message, _HINT, ())
    attempt.finished_at, attempt.ended_by = driver.now(), "failed"
    attempt.slurm_state, attempt.nodes = judgement.slurm_state, judgement.nodes
    job.failure, job.slurm_state = failure_json(session, driver, job, failure), judgement.slurm_state
    transition(session, job, JobStatus.FAILED, message, driver.now())


def _words(judgement: Unbegun) -> str:
    where = f" on {judgement.nodes}" if judgement.nodes else ""
    return f"Slurm ended it{where} before it began ({judgement.slurm_state})"
