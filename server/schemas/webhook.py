"""Webhooks and their deliveries as answers show them."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from tuning.notices.models import Delivery, DeliveryStatus, WebhookKind


class WebhookInfo(BaseModel):
    """A webhook, without its secret."""

    id: str = Field(description="Its id.")
    kind: WebhookKind = Field(description="The form of its notices.")
    url: str = Field(description="Where its notices go.")
    events: list[str] = Field(description="Names and patterns of the events that it is told of.")
    user: str = Field(description="The name of the user who made it.")
    team: str | None = Field(description="The team whose jobs it is told of.")
    job_id: str | None = Field(description="The one job that it is told of; null, without a team: all of its user's.")
    created_at: datetime
    disabled: bool = Field(description="Whether it is switched off: nothing is sent, and nothing kept for it.")
    disabled_at: datetime | None = Field(description="Since when it is switched off.")
    disabled_reason: str | None = Field(description="By whom or why it was switched off.")
    failing_since: datetime | None = Field(description="Since when nothing has arrived; null: the last notice did.")


class DeliveryInfo(BaseModel):
    """A notice for one webhook, and what became of it."""

    id: str = Field(description="The webhook-id that the receiver is sent, the same at each try.")
    event: str = Field(description="What it tells of.")
    job_id: str | None = Field(description="The job that it tells of; null: the webhook itself.")
    status: DeliveryStatus = Field(description="Whether it arrived, is still tried, or was given up.")
    attempts: int = Field(description="How often it was tried.")
    created_at: datetime = Field(description="When it happened.")
    next_try_at: datetime | None = Field(description="Not before then it is tried again; null: no more.")
    last_attempt_at: datetime | None = Field(description="When it was last tried.")
    last_status: int | None = Field(description="The HTTP status that the receiver last answered.")
    last_error: str | None = Field(description="Why it did not arrive, the last time.")
    delivered_at: datetime | None = Field(description="When it arrived.")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """From its row."""
        values = {name: getattr(delivery, name) for name in cls.model_fields}
        is_waiting = delivery.status is DeliveryStatus.WAITING
        return cls(**{**values, "next_try_at": delivery.next_try_at if is_waiting else None})
