"""Queries of the driver: the jobs that wait for a cluster, and those that are on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session

from tuning.ids import new_secret
from tuning.jobs.dependencies import is_ready
from tuning.jobs.models import Attempt, FilePosition, Job, JobDataset
from tuning.jobs.status import ON_CLUSTER, JobStatus
from tuning.jobs.transition import transition


@dataclass(frozen=True)
class Position:
    """How far one growing remote file has been read."""

    inode: int
    size_bytes: int
    """Looked at so far; beyond the offset when a half line is held back."""
    offset_bytes: int
    """Taken in so far."""
    bad_lines: int = 0


@dataclass(frozen=True)
class LiveAttempt:
    """A job that Slurm has, and what we knew of it before this cycle."""

    job_id: str
    number: int
    token: str
    status: JobStatus
    slurm_job_id: int
    slurm_state: str | None
    slurm_reason: str | None
    expected_start_at: datetime | None
    submitted_at: datetime
    started_at: datetime | None
    cancel_requested_at: datetime | None
    missing_since: datetime | None
    missing_polls: int
    last_step: int | None
    eta_state: Mapping[str, Any] | None
    shown_step: int | None
    """The greatest step that readers were told, of `shown_total`; an earlier attempt may have done it."""
    shown_total: int | None
    positions: Mapping[str, Position]
    """By stream: trainer_log, stdout, stderr."""


@dataclass(frozen=True)
class Unconfirmed:
    """A job whose sbatch may or may not have been heard."""

    job_id: str
    number: int
    token: str
    since: datetime


def claim_queued(session: Session, cluster: str, job_ids: Sequence[str], now: datetime) -> list[tuple[Job, Attempt]]:
    """Give those of these jobs that are still queued a new attempt each and move them to `submitting`.

    The tokens are committed with the claim, before any sbatch.
    """
    jobs = session.scalars(_queued(cluster).where(Job.id.in_(job_ids))).all()
    return [(job, _new_attempt(session, job, now)) for job in jobs]


def waiting(session: Session, cluster: str, limit: int) -> dict[str, tuple[str, ...]]:
    """The queued jobs of a cluster that wait for no other, in their order, with the data sets (ids) that each needs."""
    ids = session.scalars(_queued(cluster).with_only_columns(Job.id).limit(limit)).all()
    needs: dict[str, tuple[str, ...]] = dict.fromkeys(ids, ())
    rows = select(JobDataset).where(JobDataset.job_id.in_(ids)).order_by(JobDataset.job_id, JobDataset.position)
    for row in session.scalars(rows):
        needs[row.job_id] += (row.dataset_id,)
    return needs


def unconfirmed(session: Session, cluster: str) -> list[Unconfirmed]:
    """The jobs that were being submitted when their driver stopped, or whose answer was lost."""
    rows = session.execute(
        select(Attempt.job_id, Attempt.number, Attempt.token, Attempt.created_at)
        .join(Job, (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number))
        .where(Job.cluster == cluster, Job.status == JobStatus.SUBMITTING)
    )
    return [Unconfirmed(*row) for row in rows]


def live_attempts(session: Session, cluster: str) -> list[LiveAttempt]:
    """Every job of a cluster that Slurm has, without its wide columns: this is read each cycle."""
    positions = _positions(session, cluster)
    rows = session.execute(
        select(
            Attempt.job_id,
            Attempt.number,
            Attempt.token,
            Job.status,
            Attempt.slurm_job_id,
            Job.slurm_state,
            Job.slurm_reason,
            Job.expected_start_at,
            Attempt.submitted_at,
            Attempt.started_at,
            Job.cancel_requested_at,
            Attempt.missing_since,
            Attempt.missing_polls,
            Attempt.last_step,
            Attempt.eta_state,
            Job.current_steps.label("shown_step"),
            Job.total_steps.label("shown_total"),
        )
        .join(Attempt, (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number))
        .where(Job.cluster == cluster, Job.status.in_(ON_CLUSTER))
        .order_by(Job.created_at)
    )
    return [LiveAttempt(**row, positions=positions.get((row["job_id"], row["number"]), {})) for row in rows.mappings()]


def update_jobs(session: Session, changes: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Write visible changes to many jobs, each with its `id`, all with the same other keys; versions grow.

    The status is not among them: it has its own door.
    """
    if not changes:
        return
    names = [name for name in changes[0] if name != "id"]
    statement = (
        update(Job)
        .where(Job.id == bindparam("row_id"))
        .values(version=Job.version + 1, updated_at=now, **{name: bindparam(name) for name in names})
    )
    rows = [{"row_id": change["id"], **{name: change[name] for name in names}} for change in changes]
    session.connection().execute(statement, rows)


def _queued(cluster: str) -> Select[Job]:
    wanted = (Job.cluster == cluster, Job.status == JobStatus.QUEUED, Job.cancel_requested_at.is_(None))
    return select(Job).where(*wanted, is_ready()).order_by(Job.priority.desc(), Job.created_at, Job.id)


def _new_attempt(session: Session, job: Job, now: datetime) -> Attempt:
    job.attempt += 1
    attempt = Attempt(job_id=job.id, number=job.attempt, token=new_secret(), created_at=now, missing_polls=0)
    session.add(attempt)
    transition(session, job, JobStatus.SUBMITTING, "being handed to Slurm", now)
    return attempt


def _positions(session: Session, cluster: str) -> dict[tuple[str, int], dict[str, Position]]:
    rows = session.scalars(
        select(FilePosition)
        .join(Job, (Job.id == FilePosition.job_id) & (Job.attempt == FilePosition.attempt))
        .where(Job.cluster == cluster, Job.status.in_(ON_CLUSTER))
    )
    found: dict[tuple[str, int], dict[str, Position]] = {}
    for row in rows:
        position = Position(row.inode, row.size_bytes, row.offset_bytes, row.bad_lines)
        found.setdefault((row.job_id, row.attempt), {})[row.stream] = position
    return found
