"""Outbox of notices: deliveries are written in the transaction of their event, listed, and sent again on wish."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from tuning.errors import Conflict, Finding, InvalidInput, NotFound
from tuning.ids import new_id
from tuning.notices.events import TEST
from tuning.notices.models import IS_WAITING, Delivery, DeliveryStatus, Webhook
from tuning.notices.payload import JobNotice, job_payload, own_payload
from tuning.notices.retry import give_up_at

_INSERT = insert(Delivery)


@dataclass(frozen=True)
class DeliveryPage:
    """A part of the list; `next_cursor` leads to the rest."""

    deliveries: Sequence[Delivery]
    next_cursor: str | None


def write_deliveries(session: Session, notices: Iterable[tuple[str, JobNotice]], now: datetime) -> None:
    """Write a delivery for each webhook and event, in this order; whoever calls holds the order of events."""
    rows = [_row(webhook_id, notice.job_id, notice.event, job_payload(notice), now) for webhook_id, notice in notices]
    if rows:
        session.connection().execute(_INSERT, rows)


def write_own(
    session: Session, webhook_id: str, event: str, message: str, now: datetime, example: str | None = None
) -> Delivery:
    """Write a delivery about a webhook itself: a test, or that it (or another one) was switched off."""
    payload = own_payload(event, now, message, webhook_id, example)
    delivery = Delivery(**_row(webhook_id, None, event, payload, now))
    session.add(delivery)
    session.flush()
    return delivery


def send_test(session: Session, webhook: Webhook, now: datetime, example: str | None = None) -> Delivery:
    """A delivery by which somebody tries a webhook out, of kind openai as an example of an event.

    Raises Conflict for one that is switched off.
    """
    if webhook.disabled_at is not None:
        raise Conflict(f"the webhook {webhook.id} is switched off", hint="switch it on first: disabled = false")
    webhook.paused_until = None
    return write_own(session, webhook.id, TEST, "this is a test: notices arrive here", now, example)


def deliveries_of(session: Session, webhook_id: str, limit: int, after: str | None) -> DeliveryPage:
    """The deliveries of a webhook, newest first. Raises InvalidInput for a cursor that was never given out."""
    query = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if after is not None:
        behind = session.scalar(query.where(Delivery.id == after))
        if behind is None:
            raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
        query = query.where(Delivery.number < behind.number)
    found = session.scalars(query.order_by(Delivery.number.desc()).limit(limit + 1)).all()
    return DeliveryPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def resend(session: Session, webhook: Webhook, delivery_id: str, now: datetime) -> Delivery:
    """Send a delivery once more, under its old id, or at once what waits for its next try.

    Raises NotFound, and Conflict for one that is on its way or whose webhook is switched off.
    """
    if webhook.disabled_at is not None:
        raise Conflict(f"the webhook {webhook.id} is switched off", hint="switch it on first: disabled = false")
    webhook.paused_until = None
    session.flush()
    own = (Delivery.webhook_id == webhook.id, Delivery.id == delivery_id)
    anew = {"status": DeliveryStatus.WAITING, "next_try_at": now, "give_up_at": give_up_at(now), "delivered_at": None}
    free = Delivery.claimed_until.is_(None) | (Delivery.claimed_until <= now)
    put_back = update(Delivery).where(*own, free).values(**anew, claim=None, claimed_until=None).returning(Delivery)
    found = session.scalars(put_back, execution_options={"populate_existing": True}).one_or_none()
    if found is not None:
        return found
    if session.scalar(select(Delivery.number).where(*own)) is None:
        raise NotFound(f"the webhook {webhook.id} has no delivery {delivery_id}")
    raise Conflict(f"the delivery {delivery_id} is on its way at this moment", hint="look at it again in a minute")


def give_up_waiting(session: Session, webhook_id: str, reason: str) -> None:
    """Give up all that waits for a webhook that is switched off."""
    waiting = update(Delivery).where(Delivery.webhook_id == webhook_id, IS_WAITING)
    gone = {"status": DeliveryStatus.GIVEN_UP, "last_error": reason, "claim": None, "claimed_until": None}
    session.execute(waiting.values(**gone), execution_options={"synchronize_session": False})


def _row(webhook_id: str, job_id: str | None, event: str, payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "webhook_id": webhook_id,
        "job_id": job_id,
        "event": event,
        "payload": dict(payload),
        "status": DeliveryStatus.WAITING,
        "created_at": now,
        "next_try_at": now,
        "give_up_at": give_up_at(now),
        "attempts": 0,
    }
