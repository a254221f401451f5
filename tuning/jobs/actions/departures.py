"""Jobs and data sets of a user who is switched off or deleted: held, cancelled, handed to somebody else."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tuning.datasets.repository import dataset_count, hand_datasets
from tuning.db.engine import lock_event_order
from tuning.errors import Conflict, Finding, InvalidInput
from tuning.jobs.actions.control import cancel_job, hold_job
from tuning.jobs.models import Job
from tuning.jobs.status import ENDED, JobStatus
from tuning.jobs.transition import Step, record_event, transition_all
from tuning.people.models import User
from tuning.people.roles import Role

_BEFORE_THEY_RUN = (JobStatus.SUBMITTING, JobStatus.PENDING)
_IN_SLURM = (*_BEFORE_THEY_RUN, JobStatus.RUNNING)


def hold_waiting(session: Session, user: User, by: str, now: datetime) -> None:
    """Hold what waits of a user who was switched off; what waits inside Slurm is taken back by the worker."""
    lock_event_order(session)  # nobody moves a job from here on
    own = (Job.owner_id == user.id, Job.cancel_requested_at.is_(None))
    reason = f"{user.name} is switched off"
    queued = session.execute(select(Job.id, Job.attempt).where(*own, Job.status == JobStatus.QUEUED)).all()
    steps = [Step(job_id, attempt, reason) for job_id, attempt in queued]
    transition_all(session, steps, JobStatus.QUEUED, JobStatus.HELD, now)
    for job_id in session.scalars(select(Job.id).where(*own, Job.status.in_(_BEFORE_THEY_RUN))).all():
        hold_job(session, job_id, f"{by}, since {reason}", now)


def cancel_running(session: Session, user: User, by: str, now: datetime) -> None:
    """Ask for the end of what runs of a user."""
    running = (Job.owner_id == user.id, Job.status == JobStatus.RUNNING)
    for job_id in session.scalars(select(Job.id).where(*running)).all():
        cancel_job(session, job_id, by, now)


def hand_over(session: Session, user: User, to: User | None, by: str, now: datetime) -> None:
    """Give a user's jobs and data sets to somebody else, before the user is deleted.

    Raises InvalidInput where nobody is named who could have them, and Conflict while Slurm has jobs of the user.
    """
    lock_event_order(session)
    _require_none_in_slurm(session, user)
    jobs = session.scalar(select(func.count()).select_from(Job).where(Job.owner_id == user.id)) or 0
    datasets = dataset_count(session, user.id)
    if not jobs and not datasets:
        return
    receiver = _receiver(user, to, f"{jobs} jobs and {datasets} data sets")
    _tell_of_new_owner(session, user, receiver, by, now)
    handed = update(Job).where(Job.owner_id == user.id)
    # a key of one owner may be another's already, for another job
    session.execute(handed.values(owner_id=receiver.id, idempotency_key=None))
    hand_datasets(session, user.id, receiver.id)


def _require_none_in_slurm(session: Session, user: User) -> None:
    """The values of the user's secrets are masked in what a run says, for as long as they are kept."""
    there = (Job.owner_id == user.id, Job.status.in_(_IN_SLURM))
    count = session.scalar(select(func.count()).select_from(Job).where(*there)) or 0
    if count:
        hint = f"switch {user.name} off, and wait for them or cancel them"
        raise Conflict(f"Slurm has {count} jobs of {user.name}", hint=hint)


def _receiver(user: User, to: User | None, what: str) -> User:
    loc = ("query", "hand_jobs_to")
    if to is None:
        raise InvalidInput([Finding(loc, f"{user.name} has {what}", "name the user who is to have them")])
    if to.id == user.id or to.disabled_at is not None or to.role is Role.VIEWER:
        reason = "is switched off" if to.disabled_at is not None else "cannot own jobs"
        wrong = f"{to.name} is to be deleted" if to.id == user.id else f"{to.name} {reason}"
        raise InvalidInput([Finding(loc, wrong, "name another user")])
    return to


def _tell_of_new_owner(session: Session, user: User, to: User, by: str, now: datetime) -> None:
    """Of what has not ended, so that whoever follows it sees the change."""
    active = (Job.owner_id == user.id, Job.status.not_in(ENDED))
    told = update(Job).where(*active).values(version=Job.version + 1, updated_at=now).returning(Job.id)
    for job_id in session.scalars(told).all():
        record_event(session, job_id, "job.changed", f"handed from {user.name} to {to.name} by {by}", now)
