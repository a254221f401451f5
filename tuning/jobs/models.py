"""Rows of jobs, their attempts, and what is known of a run."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only a plain INTEGER key
# Stored as its word: a native enum would need a migration for each new state on PostgreSQL.
StatusWord = Enum(JobStatus, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])


class Job(Base):
    """A user's request for a job, its status and progress. `status` is changed by tuning.jobs.transition alone."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner_id", "idempotency_key"),
        Index("ix_jobs_claim", "cluster", "status", "priority", "created_at"),
        Index("ix_jobs_created_at_id", "created_at", "id"),
        Index("ix_jobs_status_created_at_id", "status", "created_at", "id"),
        Index("ix_jobs_owner_id_created_at_id", "owner_id", "created_at", "id"),
        Index("ix_jobs_team_id_created_at_id", "team_id", "created_at", "id"),
        Index("ix_jobs_kind_created_at_id", "kind", "created_at", "id"),
        Index("ix_jobs_cluster_created_at_id", "cluster", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    recipe: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[JobStatus] = mapped_column(StatusWord)
    status_reason: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    team_id: Mapped[str] = mapped_column(String(32), default=LAB_TEAM_ID, server_default=LAB_TEAM_ID)
    """Team whose share it uses: set once, whatever becomes of its owner's memberships. A team with jobs is kept."""
    job_class: Mapped[str] = mapped_column(String(16), default="normal", server_default="normal")
    """urgent, normal or scavenger."""
    cluster: Mapped[str] = mapped_column(String(32))
    partition: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    """As asked of Slurm; this and the next two are taken from `resources`, for limits and the order of the queue."""
    gpus: Mapped[int] = mapped_column(default=0, server_default="0")
    """On all its nodes together."""
    limit_seconds: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Its time limit."""
    queued_at: Mapped[datetime | None]
    """Since when it waits, holds taken off: its age in the order of the queue. None = held since it was made."""
    priority: Mapped[int] = mapped_column(default=0)
    config: Mapped[dict[str, Any]]
    """LLaMA-Factory arguments as asked for, coerced, before those that packtrain owns are laid over."""
    resources: Mapped[dict[str, Any]]
    """Asked for and completed with the cluster's defaults (tuning.jobs.request.spec.Resources)."""
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_sha256: Mapped[str] = mapped_column(String(64))
    retry_of: Mapped[str | None] = mapped_column(String(32))
    source_job: Mapped[str | None] = mapped_column(String(32))
    """The job whose adapter or model is used."""
    source_checkpoint: Mapped[int | None]
    source: Mapped[dict[str, Any] | None]
    """What it hands over (tuning.jobs.request.sources): known from its ids alone, whether or not it has ended."""
    resume_job: Mapped[str | None] = mapped_column(String(32))
    """The ended training whose checkpoint `resume_checkpoint` it goes on from, while it has none of its own."""
    resume_checkpoint: Mapped[int | None]
    environment: Mapped[dict[str, Any] | None]
    """Variables of its run (tuning.llamafactory.environment)."""
    secrets: Mapped[list[Any] | None]
    """Names of its owner's secrets."""
    keep_checkpoints: Mapped[int | None]
    """So many of the newest stay once it has succeeded; None = all."""

    continuation: Mapped[dict[str, Any] | None]
    """What it goes on after (tuning.jobs.request.spec.Continuation); None = what is not its own doing."""

    version: Mapped[int] = mapped_column(BigInteger, default=1)
    """Grows with every change that a reader can see."""
    updated_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    cancel_saves: Mapped[bool | None]
    """It is to save a checkpoint before it is cancelled."""
    hold_requested_at: Mapped[datetime | None]
    unreachable_since: Mapped[datetime | None]

    attempt: Mapped[int] = mapped_column(default=0)
    slurm_job_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    slurm_state: Mapped[str | None] = mapped_column(String(32))
    slurm_reason: Mapped[str | None] = mapped_column(Text)
    expected_start_at: Mapped[datetime | None]

    current_steps: Mapped[int | None]
    total_steps: Mapped[int | None]
    percentage: Mapped[float | None]
    epoch: Mapped[float | None]
    loss: Mapped[float | None]
    eval_loss: Mapped[float | None]
    learning_rate: Mapped[float | None]
    tokens_per_second: Mapped[float | None]
    elapsed_seconds: Mapped[float | None]
    eta_seconds: Mapped[float | None]
    eta_low_seconds: Mapped[float | None]
    eta_high_seconds: Mapped[float | None]
    expected_end_at: Mapped[datetime | None]
    stalled_since: Mapped[datetime | None]
    progress_at: Mapped[datetime | None]
    """When the last new step was seen."""
    observed_at: Mapped[datetime | None]
    """When the cluster was last asked about this job with an answer."""

    failure: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    record: Mapped[dict[str, Any] | None]


_IN_ORDER_OF_PRIORITY = (Job.priority.desc(), Job.created_at, Job.id)
Index("ix_jobs_by_priority", *_IN_ORDER_OF_PRIORITY)
Index("ix_jobs_status_by_priority", Job.status, *_IN_ORDER_OF_PRIORITY)
Index("ix_jobs_owner_id_by_priority", Job.owner_id, *_IN_ORDER_OF_PRIORITY)
Index("ix_jobs_team_id_by_priority", Job.team_id, *_IN_ORDER_OF_PRIORITY)
Index("ix_jobs_kind_by_priority", Job.kind, *_IN_ORDER_OF_PRIORITY)
Index("ix_jobs_cluster_by_priority", Job.cluster, *_IN_ORDER_OF_PRIORITY)
for _name, _column in (("source", Job.source_job), ("resume", Job.resume_job), ("retry_of", Job.retry_of)):
    _given = _column.is_not(None)  # few jobs come from another: the others cost the index nothing
    Index(f"ix_jobs_{_name}", _column, postgresql_where=_given, sqlite_where=_given)


class JobTag(Base):
    """One tag of a job."""

    __tablename__ = "job_tags"
    __table_args__ = (Index("ix_job_tags_key_value_created_at_job_id", "key", "value", "created_at", "job_id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime]
    """The job's, and its priority: so that a page of those with a tag is found in its order."""
    priority: Mapped[int]


Index("ix_job_tags_by_priority", JobTag.key, JobTag.value, JobTag.priority.desc(), JobTag.created_at, JobTag.job_id)


class JobDataset(Base):
    """A data set that a job trains on, in order."""

    __tablename__ = "job_datasets"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)


class JobDependency(Base):
    """A job that another one waits for."""

    __tablename__ = "job_dependencies"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    depends_on: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    """No foreign key: an ended job may be deleted, and what it left on the cluster stays."""


class Removal(Base):
    """The wish that something of a job's leaves the cluster, until the worker has removed it there."""

    __tablename__ = "removals"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    """Beneath the job's folder (tuning.jobs.layout): output/checkpoint-N, N/secrets. Made by us alone."""
    requested_at: Mapped[datetime]


class Attempt(Base):
    """One submission of a job to Slurm."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_token", "token", unique=True),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(64))
    """Random, committed before sbatch: by it a submission whose answer was lost is found again."""
    created_at: Mapped[datetime]
    unconfirmed_since: Mapped[datetime | None]
    """sbatch was sent and its answer never came: look up, never send again blindly."""
    slurm_job_id: Mapped[int | None] = mapped_column(BigInteger)
    slurm_state: Mapped[str | None] = mapped_column(String(32))
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]
    """First of the polls in a row in which Slurm did not know it."""
    missing_polls: Mapped[int] = mapped_column(default=0)
    contradicted_since: Mapped[datetime | None]
    """Since when its own exit record says that it has ended while Slurm runs it."""
    contradiction_told_at: Mapped[datetime | None]
    recheck_at: Mapped[datetime | None] = mapped_column(index=True)
    """When an end that little evidence tells of is looked at again (worker.finish.corrections); None = it stands."""
    exit_code: Mapped[int | None]
    nodes: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[str | None] = mapped_column(String(16))
    """succeeded, failed, cancelled, held, or what it went on after (tuning.jobs.attempt.continuation.Cause)."""
    resumed_step: Mapped[int | None]
    """The checkpoint that it went on from; 0 = from the start, None = not told yet."""
    quiet_until: Mapped[datetime | None] = mapped_column(index=True)
    """Without a new line of the training log by then it stands still; None = nothing is expected of it."""
    stop_sent_at: Mapped[datetime | None]
    """When it was asked to save a checkpoint and end, or was ended for a hold: what follows is nobody else's doing."""
    first_step: Mapped[int | None]
    last_step: Mapped[int | None]
    eta_state: Mapped[dict[str, Any] | None]
    """What the estimator remembers of this attempt (tuning.llamafactory.progress.eta)."""


class AttemptTexts(Base):
    """The script and the configuration that an attempt was submitted with.

    In a table of their own: SQLite reads a row's long texts on the way to the columns behind them, and the attempts of
    all live jobs are read in each cycle.
    """

    __tablename__ = "attempt_texts"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "attempt"], ["attempts.job_id", "attempts.number"], ondelete="CASCADE"),
    )

    job_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[str] = mapped_column(Text)
    config_yaml: Mapped[str] = mapped_column(Text)


class FilePosition(Base):
    """Position up to which a growing remote file was read; moved in the transaction that keeps the part read."""

    __tablename__ = "file_positions"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(String(16), primary_key=True)
    """trainer_log, stdout or stderr."""
    inode: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger)
    bad_lines: Mapped[int] = mapped_column(default=0)


class LogChunk(Base):
    """A piece of stdout or stderr as it was read; only the newest are kept, older ranges stay on the cluster."""

    __tablename__ = "log_chunks"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[str] = mapped_column(String(16), primary_key=True)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class JobEvent(Base):
    """Event of a job; ids become visible in their order (tuning.db.engine.lock_event_order)."""

    __tablename__ = "job_events"
    # without AUTOINCREMENT, SQLite gives the id of a deleted newest event to the next: a stream would skip that one
    __table_args__ = (Index("ix_job_events_job_id_id", "job_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(32))
    """job.created, job.queued, ... job.succeeded (one per status), job.corrected, job.changed, job.cancel_requested,
    job.hold_requested, job.released, job.serving, checkpoint.saved, checkpoint.removed, warning."""
    message: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]]


class MetricPoint(Base):
    """One line of trainer_log.jsonl that said something about a step."""

    __tablename__ = "metric_points"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """train, eval or predict: an evaluation has a line of its own at the same step."""
    at: Mapped[datetime]
    epoch: Mapped[float | None]
    values: Mapped[dict[str, Any]]
    """By series name: loss, eval_loss, learning_rate, ...; finite numbers only, null = diverged."""


class Artifact(Base):
    """A file that a run left in its output folder."""

    __tablename__ = "artifacts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(String(1000), primary_key=True)
    """Relative to the output folder."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime]


class Trouble(Base):
    """A step that failed at one job, data set or cluster, and waits to be tried again (tuning.jobs.troubles)."""

    __tablename__ = "troubles"

    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    step: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A job's id, a data set's, a hash; empty = the step as a whole."""
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    error: Mapped[str] = mapped_column(String(100))
    """Its class."""
    message: Mapped[str] = mapped_column(Text)
    trace: Mapped[str] = mapped_column(Text)
    """The innermost frames, a line each."""
    failures: Mapped[int]
    """In a row."""
    since: Mapped[datetime]
    next_try_at: Mapped[datetime]
