"""Claims of deliveries: which are due, by whom each is sent at this moment, and what became of it.

Several workers may send. Each claims a delivery by a guarded update before it sends it. A claim lasts `CLAIM_SECONDS`,
far longer than a try takes: clocks may differ by a minute, and what a killed worker had claimed is sent after it. Of
one webhook and job only the oldest delivery that waits is due: what follows is sent after it, or after it was given up.
In each transaction a webhook's row is locked before those of its deliveries.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from tuning.ids import new_secret
from tuning.notices.events import DISABLED
from tuning.notices.models import IS_WAITING, Delivery, DeliveryStatus, Webhook, WebhookKind
from tuning.notices.outbox import give_up_waiting, write_own
from tuning.notices.recorded import record_webhook, recorded_values
from tuning.notices.retry import next_try_at, paused_until
from tuning.notices.targets import MAILTO, is_mail_address
from tuning.people.audit import SERVICE
from tuning.people.models import User

log = logging.getLogger(__name__)

CLAIM_SECONDS = 120.0
KEPT = timedelta(days=30)
"""How long a delivery that is over is listed."""
FAILING_PLACES = 8
"""Deliveries to webhooks that failed the last time that one worker sends at once: others never wait for them."""
MOST_OF_A_USER = 2
"""Deliveries of one user that one worker sends at once: hanging receivers hold up nobody else."""
_LEAST_FAILURES = 10
"""In a row, before a webhook is switched off: a clock that jumps switches off none."""
_FORGOTTEN_AT_ONCE = 1000
_COLUMNS = (
    Delivery.number, Delivery.id, Delivery.webhook_id, Delivery.payload, Delivery.attempts, Delivery.give_up_at,
    Webhook.user_id, Webhook.kind, Webhook.url, Webhook.failures, Webhook.disabled_at,
    Webhook.secret, Webhook.old_secret, Webhook.old_secret_until, User.email,
)  # fmt: skip


@dataclass(frozen=True)
class Claimed:
    """A delivery that this worker alone sends for a while, with its webhook as it is now."""

    number: int
    id: str
    webhook_id: str
    user_id: str
    kind: WebhookKind
    url: str
    payload: dict[str, Any]
    attempts: int
    """This one included."""
    give_up_at: datetime
    failures: int
    """Of the webhook, in a row."""
    secrets: tuple[bytes, ...]
    """Encrypted, the newest first."""
    claim: str


@dataclass(frozen=True)
class Outcome:
    """Outcome of one try to send."""

    is_delivered: bool
    status: int | None = None
    """Of an HTTP answer."""
    error: str | None = None


@dataclass(frozen=True)
class Sending:
    """Webhooks and users of the deliveries that a worker sends at this moment; a user stands there for each."""

    webhooks: Collection[str] = ()
    users: Sequence[str] = ()
    failing_places: int = FAILING_PLACES
    """So many webhooks may be tried yet that failed the last time."""


@dataclass(frozen=True)
class SwitchOff:
    """Rule by which webhooks are switched off that take nothing."""

    patience_seconds: float
    """So long nothing came through."""
    sends_mail: bool = False
    """Whether this packtrain sends mail: then the owner is told so, too."""


def claim_due(session: Session, sending: Sending, places: int, now: datetime) -> list[Claimed]:
    """Claim deliveries that are due, at most so many, one of each webhook."""
    found: list[Claimed] = []
    webhooks, users = set(sending.webhooks), list(sending.users)
    for row in session.execute(_due(sending, places, now)):
        if len(found) == places or row.webhook_id in webhooks or users.count(row.user_id) >= MOST_OF_A_USER:
            continue
        if row.failures and sum(one.failures > 0 for one in found) >= sending.failing_places:
            continue
        claimed = _claim(session, row, now)
        if claimed is not None:
            found.append(claimed)
            webhooks.add(row.webhook_id)
            users.append(row.user_id)
    return found


def record_delivered(session: Session, claimed: Claimed, status: int | None, now: datetime) -> None:
    """Write down that a delivery arrived. It holds whoever has the claim by now: it is never sent again."""
    well = {"failures": 0, "failing_since": None, "last_failure_at": None, "paused_until": None}
    failing = (Webhook.id == claimed.webhook_id, Webhook.failures > 0, Webhook.disabled_at.is_(None))
    _run(session, update(Webhook).where(*failing).values(**well))
    arrived = {"status": DeliveryStatus.DELIVERED, "delivered_at": now, "last_status": status, "last_error": None}
    own = update(Delivery).where(Delivery.number == claimed.number)
    _run(session, own.values(**arrived, **_UNCLAIMED, last_attempt_at=now))


def record_failed(
    session: Session, claimed: Claimed, outcome: Outcome, now: datetime, jitter: float, rule: SwitchOff
) -> None:
    """Write down that a try failed: when the next one is, or that it was the last.

    A webhook to which nothing came through for too long is switched off, and its owner told by the others and by mail.
    """
    webhook = session.get(Webhook, claimed.webhook_id, populate_existing=True, with_for_update=True)
    _put_back(session, claimed, outcome, now, jitter)
    if webhook is None or webhook.disabled_at is not None:
        return
    webhook.failures, webhook.last_failure_at = webhook.failures + 1, now
    webhook.failing_since = webhook.failing_since or now
    webhook.paused_until = paused_until(now, webhook.failures, jitter)
    patience = timedelta(seconds=rule.patience_seconds)
    if now - webhook.failing_since >= patience and webhook.failures >= _LEAST_FAILURES:
        _switch_off(session, webhook, outcome.error or "", now)
        _tell_owner(session, webhook, now, by_mail=rule.sends_mail)


def release(session: Session, claimed: Claimed) -> None:
    """Let go of a delivery whose try was broken off by the worker's own end: that is no failure of its webhook."""
    own = update(Delivery).where(Delivery.number == claimed.number, Delivery.claim == claimed.claim)
    _run(session, own.values(**_UNCLAIMED))


def give_up_overdue(session: Session, now: datetime) -> None:
    """Give up what is older than its retries last and waits behind a webhook that failed even after that."""
    failed_since = exists().where(Webhook.id == Delivery.webhook_id, Webhook.last_failure_at >= Delivery.give_up_at)
    overdue = update(Delivery).where(IS_WAITING, Delivery.give_up_at <= now, _is_free(now), failed_since)
    reason = "the webhook took nothing for a day"
    _run(session, overdue.values(status=DeliveryStatus.GIVEN_UP, last_error=reason))


def give_up_of_disabled(session: Session, now: datetime) -> None:
    """Give up what waits for users who are switched off; a team's webhooks go on, whoever made them."""
    off = exists().where(Webhook.id == Delivery.webhook_id, Webhook.user_id == User.id, ~_OWNER_IS_ON)
    waiting = update(Delivery).where(IS_WAITING, _is_free(now), off)
    _run(session, waiting.values(status=DeliveryStatus.GIVEN_UP, last_error="its owner is switched off"))


def forget_old(session: Session, now: datetime) -> int:
    """Remove deliveries that were over long ago, a bounded number at once; how many they were."""
    old = select(Delivery.number).where(Delivery.created_at < now - KEPT, ~IS_WAITING)
    numbers = session.scalars(old.order_by(Delivery.created_at).limit(_FORGOTTEN_AT_ONCE)).all()
    _run(session, delete(Delivery).where(Delivery.number.in_(numbers)))
    return len(numbers)


_UNCLAIMED: dict[str, Any] = {"claim": None, "claimed_until": None}
_OWNER_IS_ON = or_(User.disabled_at.is_(None), Webhook.team_id.is_not(None))
_TELLS_OWNER = and_(Webhook.disabled_at.is_not(None), Delivery.event == DISABLED)
"""Mail to the owner of a webhook that was switched off: nothing else waits there."""


def _run(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})


def _is_free(now: datetime) -> Any:
    return or_(Delivery.claimed_until.is_(None), Delivery.claimed_until <= now)


def _due(sending: Sending, places: int, now: datetime) -> Select[Any]:
    earlier = aliased(Delivery)
    is_behind = exists().where(
        earlier.webhook_id == Delivery.webhook_id,
        earlier.job_id == Delivery.job_id,
        earlier.status == IS_WAITING.right,
        earlier.number < Delivery.number,
    )
    query = select(*_COLUMNS).join(Webhook, Webhook.id == Delivery.webhook_id).join(User, User.id == Webhook.user_id)
    query = query.where(IS_WAITING, Delivery.next_try_at <= now, _is_free(now), ~is_behind, _OWNER_IS_ON)
    is_up = or_(Webhook.paused_until.is_(None), Webhook.paused_until <= now)
    query = query.where(or_(Webhook.disabled_at.is_(None), _TELLS_OWNER), is_up)
    full = [user for user in set(sending.users) if sending.users.count(user) >= MOST_OF_A_USER]
    query = query.where(Webhook.id.not_in(sending.webhooks), Webhook.user_id.not_in(full))
    if sending.failing_places <= 0:
        query = query.where(Webhook.failures == 0)
    # many of the first may be one webhook's, of which one is taken: the next look finds those of others
    return query.order_by(Delivery.number).limit(8 * places).with_for_update(of=Delivery, skip_locked=True)


def _claim(session: Session, row: Row[Any], now: datetime) -> Claimed | None:
    claim, attempts = new_secret(), row.attempts + 1
    until = now + timedelta(seconds=CLAIM_SECONDS)
    own = update(Delivery).where(Delivery.number == row.number, IS_WAITING, _is_free(now))
    taken = own.values(claim=claim, claimed_until=until, attempts=attempts).returning(Delivery.number)
    if session.scalar(taken, execution_options={"synchronize_session": False}) is None:
        return None
    is_to_owner = row.disabled_at is not None
    old_holds = row.old_secret is not None and row.old_secret_until is not None and row.old_secret_until > now
    return Claimed(
        number=row.number,
        id=row.id,
        webhook_id=row.webhook_id,
        user_id=row.user_id,
        kind=WebhookKind.MAIL if is_to_owner else row.kind,
        url=f"{MAILTO}{row.email or ''}" if is_to_owner else row.url,
        payload=row.payload,
        attempts=attempts,
        give_up_at=row.give_up_at,
        failures=row.failures,
        secrets=tuple(filter(None, (row.secret, row.old_secret if old_holds else None))),
        claim=claim,
    )


def _put_back(session: Session, claimed: Claimed, outcome: Outcome, now: datetime, jitter: float) -> None:
    changes = {
        "status": DeliveryStatus.GIVEN_UP if now >= claimed.give_up_at else DeliveryStatus.WAITING,
        "next_try_at": next_try_at(now, claimed.attempts, jitter),
        "last_attempt_at": now,
        "last_status": outcome.status,
        "last_error": outcome.error,
    }
    own = update(Delivery).where(Delivery.number == claimed.number, Delivery.claim == claimed.claim)
    _run(session, own.values(**changes, **_UNCLAIMED))


def _switch_off(session: Session, webhook: Webhook, error: str, now: datetime) -> None:
    before = recorded_values(webhook)
    since = f"{webhook.failing_since:%Y-%m-%d %H:%M} UTC"
    webhook.disabled_at, webhook.disabled_reason = now, f"nothing has arrived since {since}: {error}"
    give_up_waiting(session, webhook.id, "the webhook was switched off")
    record_webhook(session, SERVICE, "switched_off", webhook, now, before=before, after=recorded_values(webhook))
    log.warning("webhook %s switched off: %s", webhook.id, webhook.disabled_reason, extra={"action": "webhook_off"})


def _tell_owner(session: Session, webhook: Webhook, now: datetime, *, by_mail: bool) -> None:
    """By all webhooks of their own, and by mail to their address where none of these is that."""
    own = (Webhook.user_id == webhook.user_id, Webhook.team_id.is_(None), Webhook.job_id.is_(None))
    on = (Webhook.disabled_at.is_(None), Webhook.id != webhook.id)
    others = session.execute(select(Webhook.id, Webhook.url).where(*own, *on)).all()
    told = [other.id for other in others]
    owner = session.get_one(User, webhook.user_id)
    address = f"{MAILTO}{owner.email}"
    if by_mail and is_mail_address(address) and address not in [other.url for other in others]:
        told.append(webhook.id)
    message = f"the webhook {webhook.id} ({webhook.kind}) was switched off, since {webhook.disabled_reason}"
    for webhook_id in told:
        write_own(session, webhook_id, DISABLED, message, now)
