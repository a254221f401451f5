"""Rows of webhooks and of their deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, Integer, LargeBinary, String, Text, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from tuning.db.engine import Base

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only a plain INTEGER key


class WebhookKind(StrEnum):
    """Form in which a receiver wants its notices."""

    STANDARD = "standard"
    SLACK = "slack"
    MATTERMOST = "mattermost"
    MAIL = "mail"
    OPENAI = "openai"

    @property
    def is_signed(self) -> bool:
        """Whether its notices are signed (Standard Webhooks), with a secret that its receiver has."""
        return self in (WebhookKind.STANDARD, WebhookKind.OPENAI)


class DeliveryStatus(StrEnum):
    """State of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


def _word(kind: type[StrEnum]) -> Enum:
    """Stored as its word: a native enum would need a migration for each new one on PostgreSQL."""
    return Enum(kind, native_enum=False, length=16, values_callable=lambda enum: [word.value for word in enum])


class Webhook(Base):
    """Endpoint of somebody's notices: of all of a user's jobs, of a team's, or of one job."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """Whoever made it; for a team's, one of its leads."""
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    """The team whose jobs' events it gets."""
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    """The one job whose events it gets; None here and in `team_id` = all of its user's."""
    kind: Mapped[WebhookKind] = mapped_column(_word(WebhookKind))
    name: Mapped[str | None] = mapped_column(String(200))
    """Its maker's word for it, where OpenAI's API asks for one."""
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[Any]]
    """Names and patterns (tuning.notices.events)."""
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Encrypted (tuning.secrets.cipher); None where nothing is signed."""
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The one before, which signs too until `old_secret_until`."""
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    """In a row, whatever was to be delivered."""
    failing_since: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    """Nothing is sent there before: one that is down is not asked once for each delivery that waits."""
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(Text)


class Delivery(Base):
    """One notice for one webhook, written in the transaction of its event."""

    __tablename__ = "deliveries"
    # without AUTOINCREMENT, SQLite gives the number of a deleted newest row to the next
    __table_args__ = (
        Index("ix_deliveries_id", "id", unique=True),
        Index("ix_deliveries_webhook_id_number", "webhook_id", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    """The order of sending, for each webhook and job."""
    id: Mapped[str] = mapped_column(String(32))
    """The `webhook-id` that a receiver knows a repeated notice by."""
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]]
    """As it was at the event: each try sends the same."""
    status: Mapped[DeliveryStatus] = mapped_column(_word(DeliveryStatus))
    created_at: Mapped[datetime] = mapped_column(index=True)
    next_try_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(String(64))
    """Random, of the worker that sends it at this moment."""
    claimed_until: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    """The HTTP status of the last answer; None = there was none."""
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]


IS_WAITING = Delivery.status == literal_column("'waiting'")
"""Written out: with a parameter in it no database would know that the index below holds what is asked for."""
Index(
    "ix_deliveries_waiting",
    Delivery.webhook_id,
    Delivery.job_id,
    Delivery.number,
    sqlite_where=IS_WAITING,
    postgresql_where=IS_WAITING,
)
