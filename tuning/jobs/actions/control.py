"""Cancel, hold and release a job; the worker tells Slurm."""

from datetime import datetime

from sqlalchemy.orm import Session

from tuning.errors import Conflict, NotFound
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.status import ENDED, IN_OUR_QUEUE, JobStatus
from tuning.jobs.transition import record_event, transition


def cancel_job(session: Session, job_id: str, by: str, now: datetime, *, save: bool = False) -> Job:
    """End a job that waits here at once, ask the worker to end any other; twice is once.

    With `save` a running training writes a checkpoint first; asked for again without it, it is ended at once.
    Raises NotFound, and Conflict when it has ended otherwise.
    """
    job = locked_job(session, job_id)
    if job.status is JobStatus.CANCELLED:
        return job
    if job.status in ENDED:
        raise Conflict(f"job {job_id} has {job.status} already")
    if job.cancel_requested_at is not None:
        return _cancel_sooner(session, job, by, now) if job.cancel_saves and not save else job
    job.cancel_requested_at, job.cancel_saves, job.hold_requested_at = now, save or None, None
    first = "; a checkpoint is saved first" if save else ""
    record_event(session, job_id, "job.cancel_requested", f"asked for by {by}{first}", now)
    if job.status in IN_OUR_QUEUE:
        transition(session, job, JobStatus.CANCELLED, f"cancelled by {by}", now)
    else:
        touch(job, now)
    return job


def hold_job(session: Session, job_id: str, by: str, now: datetime) -> Job:
    """Keep a queued job from being submitted; take one back from Slurm, a running training with a checkpoint.

    A held one stays held. Raises NotFound, and Conflict for what has ended, is to be cancelled, or cannot go on later.
    """
    job = locked_job(session, job_id)
    if job.status is JobStatus.HELD or job.hold_requested_at is not None:
        return job
    if job.status is JobStatus.QUEUED:
        transition(session, job, JobStatus.HELD, f"held by {by}", now)
        return job
    if job.status in ENDED or job.cancel_requested_at is not None:
        raise Conflict(f"job {job_id} is {'to be cancelled' if job.status not in ENDED else job.status}")
    if job.status is JobStatus.RUNNING and job.kind != "train":
        raise Conflict(f"a running {job.kind} cannot be held: it has no checkpoints to go on from", hint="cancel it")
    job.hold_requested_at, job.status_reason = now, f"to be held by {by}; a running training saves a checkpoint first"
    record_event(session, job_id, "job.hold_requested", f"asked for by {by}", now)
    touch(job, now)
    return job


def release_job(session: Session, job_id: str, by: str, now: datetime) -> Job:
    """Let a held job go, or take the wish to hold it back; a queued one stays queued. Raises NotFound, Conflict."""
    job = locked_job(session, job_id)
    if job.status is JobStatus.HELD:
        transition(session, job, JobStatus.QUEUED, f"released by {by}", now)
    elif job.hold_requested_at is not None:
        job.hold_requested_at, job.status_reason = None, f"released by {by}"
        record_event(session, job_id, "job.released", f"asked for by {by}", now)
        touch(job, now)
    elif job.status is not JobStatus.QUEUED:
        raise Conflict(f"job {job_id} is {job.status}", hint=_instead_of_release(job))
    return job


def locked_job(session: Session, job_id: str) -> Job:
    """The job as it stays until the transaction ends. Raises NotFound."""
    job = requests.lock_job(session, job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job


def _instead_of_release(job: Job) -> str:
    if job.status in ENDED and job.kind == "train":
        return f"`packtrain retry {job.id} --from-checkpoint newest` goes on from what an ended one left"
    return "only a held job can be released"


def touch(job: Job, now: datetime) -> None:
    """Let readers see a change that is none of the status."""
    job.version, job.updated_at = job.version + 1, now


def _cancel_sooner(session: Session, job: Job, by: str, now: datetime) -> Job:
    job.cancel_saves = None
    record_event(session, job.id, "job.cancel_requested", f"asked for by {by}, without a checkpoint", now)
    touch(job, now)
    return job
