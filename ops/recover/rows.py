"""Rows of recovered jobs, in the caller's transaction."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ops.recover.judgement import RecoveredAttempt, RecoveredJob
from tuning.datasets.models import Dataset
from tuning.datasets.repository import mark_staged
from tuning.datasets.storage.store import ContentStore
from tuning.jobs.attempt.job_record import RecordedDataset
from tuning.jobs.layout import dataset_path
from tuning.jobs.models import Attempt, AttemptTexts, Job
from tuning.jobs.queries.requests import insert_belongings
from tuning.jobs.request.resources import measures
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.people.models import User
from tuning.people.tokens import ensure_user

RECOVERED = "recovered from its folder on the cluster"
NEVER_BEGAN = f"{RECOVERED}: it never began there; release it to submit it, or cancel it"


@dataclass(frozen=True)
class Surroundings:
    """Cluster, store and time for which rows of jobs are made."""

    cluster: str
    store: ContentStore
    """The server's uploads: what lies there can be brought to the cluster again."""
    now: datetime
    copies: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the copies of data sets that lie on the cluster, by their paths there."""
    root: str = ""


def write_job(session: Session, job: RecoveredJob, around: Surroundings) -> None:
    """Write a job that is not there yet, with its owner and data sets where those are not."""
    owner = ensure_user(session, job.record.owner, around.now)
    for data in job.record.datasets:
        _keep_dataset(session, data, owner, job.record.created_at, around)
    row = Job(**_job_values(job, owner, around))
    session.add(row)
    session.flush()
    for attempt in job.attempts:
        _write_attempt(session, row, attempt)
    session.flush()
    insert_belongings(session, row, job.record.tags, _distinct(data.id for data in job.record.datasets), ())
    record_event(session, row.id, "job.created", RECOVERED, around.now, {"notes": [], "warnings": []})
    _settle(session, row, job, around.now)


def _settle(session: Session, row: Job, job: RecoveredJob, now: datetime) -> None:
    """By the one door. An attempt that is over is not followed by another: its owner is asked first."""
    last = job.last
    if job.state == "never began":
        transition(session, row, JobStatus.HELD, NEVER_BEGAN, now)
        return
    if job.state == "ended" and not job.was_cancelled:
        row.hold_requested_at = now
        session.flush()
    reason = f"Slurm job {last.slurm_job_id}: {RECOVERED}"
    transition(session, row, JobStatus.PENDING, reason, now, at=last.submitted_at)
    if last.started_at is not None:
        transition(session, row, JobStatus.RUNNING, reason, now, at=last.started_at)


def _job_values(job: RecoveredJob, owner: User, around: Surroundings) -> dict[str, Any]:
    record = job.record
    names = ("name", "kind", "recipe", "priority", "config", "retry_of", "source_job", "source_checkpoint", "source")
    resources = {**record.resources.model_dump(mode="json"), "cluster": around.cluster}
    return {
        **{name: getattr(record, name) for name in names},
        "id": record.job_id,
        "status": JobStatus.SUBMITTING,
        "status_reason": RECOVERED,
        "owner_id": owner.id,
        "cluster": around.cluster,
        "resources": resources,
        **measures(resources),
        "queued_at": min(record.created_at, around.now),
        "request_sha256": hashlib.sha256(record.model_dump_json().encode()).hexdigest(),
        "secrets": list(record.secrets) or None,
        "keep_checkpoints": record.keep_checkpoints,
        "continuation": record.continuation.model_dump(mode="json") if record.continuation else None,
        "record": record.record,
        "version": 1,
        "attempt": record.attempt,
        "slurm_job_id": job.last.slurm_job_id,
        "created_at": min(record.created_at, around.now),
        "updated_at": around.now,
    }


def _write_attempt(session: Session, job: Job, attempt: RecoveredAttempt) -> None:
    if attempt.slurm_job_id is None:
        return
    is_last = attempt.number == job.attempt
    row = Attempt(job_id=job.id, number=attempt.number, token=attempt.token, created_at=attempt.submitted_at)
    row.slurm_job_id, row.submitted_at, row.started_at = attempt.slurm_job_id, attempt.submitted_at, attempt.started_at
    row.missing_polls, row.nodes = 0, attempt.nodes
    if not is_last:  # the worker gives the newest its end
        row.finished_at, row.exit_code = attempt.finished_at, attempt.exit_code
    session.add(row)
    session.flush()
    texts = {"script": attempt.script, "config_yaml": attempt.config_yaml}
    session.add(AttemptTexts(job_id=job.id, attempt=attempt.number, **texts))


def _keep_dataset(
    session: Session, data: RecordedDataset, owner: User, created_at: datetime, around: Surroundings
) -> None:
    """A data set under its old id: its content is an upload that is still there, or the copy on the cluster."""
    if session.get(Dataset, data.id) is not None:
        return
    file = around.store.path(data.sha256, data.extension)
    copy_bytes = around.copies.get(dataset_path(around.root, data.sha256, data.extension))
    is_stored = file.exists()
    row = Dataset(id=data.id, owner_id=owner.id, name=data.name, sha256=data.sha256, extension=data.extension)
    row.size_bytes = file.stat().st_size if is_stored else copy_bytes or 0
    row.format = "sharegpt" if data.entry.get("formatting") == "sharegpt" else "alpaca"
    row.entry, row.report, row.created_at = data.entry, {}, min(created_at, around.now)
    row.cluster, row.cluster_path = (None, None) if is_stored else (around.cluster, data.cluster_path)
    session.add(row)
    session.flush()
    if copy_bytes == row.size_bytes:
        mark_staged(session, around.cluster, data.sha256, around.now)


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))
