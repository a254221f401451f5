"""`POST /v1/webhook_endpoints/{id}/test`: an example is sent by the worker, and its answer waited for."""

import asyncio
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.answers.webhooks import kept_webhook
from server.dependencies import FeedUser, NowDep, SessionsDep, in_transaction
from server.http.access.token_gate import address_of
from server.openai.ids import webhook_id_of
from server.openai.webhooks.schema import TrialBody, TrialObject, own_events
from tuning.errors import Conflict
from tuning.notices import outbox
from tuning.notices.models import Delivery
from tuning.notices.recorded import record_webhook
from tuning.notices.webhooks import Keeper
from tuning.people.audit import Actor
from tuning.people.tokens import Principal

router = APIRouter()
"""It holds no session while the receiver is waited for."""

PAUSE_SECONDS = 0.25
MOST_LOOKS = 40
pause = asyncio.sleep


@router.post("/webhook_endpoints/{endpoint_id}/test")
async def send_example(
    endpoint_id: str, body: TrialBody, request: Request, sessions: SessionsDep, user: FeedUser, now: NowDep
) -> TrialObject:
    """Send an example of an event, and tell what the endpoint answered. Refused where it gave no answer."""
    [event] = own_events([body.event_type], "event_type")
    actor = Actor(user.name, user.token_id, address_of(request) or None)
    begin = partial(_sent, webhook_id=webhook_id_of(endpoint_id), event=event, user=user, actor=actor, now=now)
    delivery_id = await run_in_threadpool(in_transaction, sessions, begin)
    for _ in range(MOST_LOOKS):
        delivery = await run_in_threadpool(in_transaction, sessions, partial(_tried, delivery_id=delivery_id))
        if delivery is not None:
            return _answer(delivery, endpoint_id, body.event_type)
        await pause(PAUSE_SECONDS)
    raise Conflict("the example was not sent yet", hint="the worker sends it as soon as it can")


def _sent(session: Session, *, webhook_id: str, event: str, user: Principal, actor: Actor, now: datetime) -> str:
    keeper = Keeper(user.user_id, user.led_teams, user.is_administrator)
    webhook = kept_webhook(session, keeper, webhook_id)
    sent = outbox.send_test(session, webhook, now, event)
    record_webhook(session, actor, "tested", webhook, now, after={"delivery": sent.id})
    return sent.id


def _tried(session: Session, *, delivery_id: str) -> Delivery | None:
    tried = (Delivery.id == delivery_id, Delivery.last_attempt_at.is_not(None))
    return session.scalar(select(Delivery).where(*tried))


def _answer(delivery: Delivery, endpoint_id: str, event_type: str) -> TrialObject:
    """Raises Conflict where there was no answer over HTTP."""
    if delivery.last_status is None:
        raise Conflict(f"the endpoint gave no answer: {delivery.last_error}")
    return TrialObject(webhook_endpoint_id=endpoint_id, event_type=event_type, status_code=delivery.last_status)
