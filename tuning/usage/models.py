"""Rows of limits and of what was used."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base


class LimitRow(Base):
    """A limit: so much of a kind for a subject, on a cluster, partition or class, or in all."""

    __tablename__ = "limits"
    __table_args__ = (UniqueConstraint("subject_kind", "subject", "cluster", "partition", "job_class", "kind"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    """user, team or everybody."""
    subject: Mapped[str] = mapped_column(String(100))
    """The user's or team's name; `*` = each without a limit of their own; empty = all together."""
    cluster: Mapped[str] = mapped_column(String(32), server_default="")
    """Empty = on all clusters together; likewise the next two."""
    partition: Mapped[str] = mapped_column(String(100), server_default="")
    job_class: Mapped[str] = mapped_column(String(16), server_default="")
    kind: Mapped[str] = mapped_column(String(32))
    """running_jobs, gpus, queued_jobs, gpu_hours_30_days, time_limit_seconds, dataset_bytes, result_bytes."""
    amount: Mapped[float]
    created_at: Mapped[datetime]


class UsageDay(Base):
    """GPU seconds of a user's jobs in a team on a cluster, by the day (UTC) on which they were used."""

    __tablename__ = "usage_days"
    __table_args__ = (Index("ix_usage_days_day", "day"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    gpu_seconds: Mapped[float]
    jobs: Mapped[int]
    """Attempts that ended on this day."""


class TokenDay(Base):
    """Tokens that a user had of a served model on a day (UTC)."""

    __tablename__ = "token_days"
    __table_args__ = (Index("ix_token_days_day", "day"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(String(300), primary_key=True)
    """Canonical name (ModelRef.name)."""
    day: Mapped[date] = mapped_column(primary_key=True)
    requests: Mapped[int]
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)


class DecayedUse(Base):
    """Sums that halve with time, of a user's ended jobs in a team on a cluster (tuning.queue.decay), as of `at`."""

    __tablename__ = "decayed_use"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    cluster: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
    gpu_seconds: Mapped[float]
    slowdowns: Mapped[float]
    """Of the jobs that ended: (wait + run) / run, bounded as tuning.queue does."""
    jobs: Mapped[float]
    """Their number, decayed likewise."""
