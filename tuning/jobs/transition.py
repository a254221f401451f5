"""Changes of a job's status: all go through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from tuning.datasets.ended_checks import refuse_unchecked
from tuning.db.engine import lock_event_order
from tuning.errors import Conflict, Finding
from tuning.jobs.events import write_events
from tuning.jobs.models import Job
from tuning.jobs.status import CORRECTIONS, ENDED, IN_OUR_QUEUE, JobStatus, may_become
from tuning.llamafactory.kinds import CHECK

_TOGETHER = (JobStatus.SUBMITTING, JobStatus.PENDING)
"""On the way to Slurm."""
_MOMENTS = {JobStatus.PENDING: "submitted_at", JobStatus.RUNNING: "started_at"}


def transition(
    session: Session, job: Job, to: JobStatus, reason: str, now: datetime, *, at: datetime | None = None
) -> None:
    """Move a job to another status and write the event, in the caller's transaction.

    `at` is when it happened on the cluster, where that is known better than `now`. Raises Conflict when the table
    does not allow the step, or when somebody else moved the job since it was loaded.
    """
    if not may_become(job.status, to):
        raise Conflict(f"job {job.id} is {job.status}: it cannot become {to}")
    _move(session, job, to, reason, now, at or now)


def correct(
    session: Session, job: Job, to: JobStatus, reason: str, now: datetime, *, at: datetime | None = None
) -> None:
    """Set an end right that was wrong, by evidence that came late: as `transition` does, and told as a correction.

    Raises Conflict when the table of corrections does not allow it, or when somebody else moved the job.
    """
    old = job.status
    if to not in CORRECTIONS.get(old, ()):
        raise Conflict(f"job {job.id} has {old}: that cannot be corrected to {to}")
    record_event(session, job.id, "job.corrected", f"it had not {old}: {reason}", now, {"from": old, "to": to})
    _move(session, job, to, reason, now, at or now)


@dataclass(frozen=True)
class Step:
    """One job's part in a step that many take together."""

    job_id: str
    attempt: int
    reason: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    """More of the job's row; every part of one step names the same."""


def transition_all(session: Session, steps: Sequence[Step], old: JobStatus, to: JobStatus, now: datetime) -> None:
    """Let many jobs take one step on their way to Slurm, or be held: two statements, however many they are.

    What the session holds of these jobs is not brought up to date. Raises Conflict when one of them is not `old`.
    """
    if not steps:
        return
    if not may_become(old, to) or not (to in _TOGETHER or (old, to) == (JobStatus.QUEUED, JobStatus.HELD)):
        raise Conflict(f"jobs that are {old} cannot become {to} together")
    lock_event_order(session)
    rows = [_row(step, old, to, now) for step in steps]
    names = tuple(name for name in rows[0] if name not in ("job_id", "old"))
    connection = session.connection()
    moved = connection.execute(_guarded(names), rows, execution_options={"preserve_rowcount": True}).rowcount
    if moved != len(steps):
        raise Conflict(f"{len(steps) - moved} of {len(steps)} jobs are no longer {old}")
    event = {"at": now, "type": f"job.{to}"}
    events = [
        {
            **event,
            "job_id": step.job_id,
            "message": step.reason,
            "data": {"from": old, "to": to, "attempt": step.attempt},
        }
        for step in steps
    ]
    write_events(session, events, now)


def record_event(
    session: Session, job_id: str, event_type: str, message: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    """Write one event of a job, in the caller's transaction."""
    row = {"job_id": job_id, "at": now, "type": event_type, "message": message, "data": data or {}}
    write_events(session, [row], now)


def _move(session: Session, job: Job, to: JobStatus, reason: str, now: datetime, at: datetime) -> None:
    old, changes = job.status, _changes(job, to, reason, now, at)
    lock_event_order(session)
    # On the connection: the session would first write out what is pending, job by job. The caller's object is brought
    # up to date by hand: a refresh would be one more query for each job of a batch.
    guarded = _guarded(tuple(changes)).returning(Job.version)
    version = session.connection().scalar(guarded, {"job_id": job.id, "old": old, **changes})
    if version is None:
        raise Conflict(f"job {job.id} is no longer {old}", hint="look at it again: something else moved it")
    for name, value in {**changes, "version": version}.items():
        set_committed_value(job, name, value)
    record_event(session, job.id, f"job.{to}", reason, now, {"from": old, "to": to, "attempt": job.attempt})
    if job.kind == CHECK and to in (JobStatus.FAILED, JobStatus.CANCELLED):
        refuse_unchecked(session, job.id, _unchecked(job.id, to, reason))


def _unchecked(check_job: str, end: JobStatus, reason: str) -> Finding:
    ended = "was cancelled" if end is JobStatus.CANCELLED else "failed"
    hint = f"retry it: POST /jobs/{check_job}/retry, or `packtrain retry {check_job}`"
    return Finding(("cluster_path",), f"the check {check_job} {ended}: {reason}", hint)


@cache
def _guarded(names: tuple[str, ...]) -> Update:
    """To these columns of a job that still has its old status. Kept: to build it costs more than to run it."""
    own = (Job.id == bindparam("job_id"), Job.status == bindparam("old"))
    return update(Job).where(*own).values(version=Job.version + 1, **{name: bindparam(name) for name in names})


def _row(step: Step, old: JobStatus, to: JobStatus, now: datetime) -> dict[str, Any]:
    row = {"status": to, "status_reason": step.reason, "updated_at": now, "attempt": step.attempt, **step.columns}
    if to is JobStatus.PENDING:
        row[_MOMENTS[to]] = now
    if to is JobStatus.HELD:
        row["hold_requested_at"] = None
    return {"job_id": step.job_id, "old": old, **row}


def _changes(job: Job, to: JobStatus, reason: str, now: datetime, at: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": to, "status_reason": reason, "updated_at": now}
    if to is JobStatus.PENDING or (to is JobStatus.RUNNING and job.started_at is None):
        changes[_MOMENTS[to]] = at  # a job has started when its first attempt did
    if to in ENDED:
        changes |= {"finished_at": at, "eta_seconds": None, "eta_low_seconds": None, "eta_high_seconds": None}
        changes |= {"unreachable_since": None, "stalled_since": None, "expected_end_at": None}
    if to in IN_OUR_QUEUE and job.status not in IN_OUR_QUEUE:
        changes |= {"slurm_job_id": None, "slurm_state": None, "slurm_reason": None, "expected_start_at": None}
        changes |= {"eta_seconds": None, "eta_low_seconds": None, "eta_high_seconds": None, "expected_end_at": None}
        changes |= {"unreachable_since": None, "stalled_since": None}
    if job.status in ENDED and to not in ENDED:
        changes |= {"finished_at": None, "failure": None, "result": None}
    if to is JobStatus.HELD:
        changes["hold_requested_at"] = None
    if to is JobStatus.QUEUED and job.status is JobStatus.HELD:
        changes["queued_at"] = now  # what was held did not wait
    return changes
