"""Webhooks of people, teams and jobs: made, listed, changed, given another secret. Each in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from tuning.errors import Conflict, Finding, InvalidInput, NotFound
from tuning.ids import new_id
from tuning.notices.models import Webhook, WebhookKind
from tuning.notices.outbox import give_up_waiting
from tuning.notices.request import JobWebhook, WebhookChange
from tuning.notices.rules import NoticeRules, raise_wrong
from tuning.notices.signature import new_secret

MOST_WEBHOOKS = 50
"""Of one user, without those of single jobs; and of one team."""
OVERLAP_SECONDS = 24 * 3600.0
"""How long the old secret still signs beside a new one."""
_BY_HAND = "switched off by hand"
_CURSOR = Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")


@dataclass(frozen=True)
class Keeper:
    """A user with the teams that they lead: which webhooks are theirs to see and to change."""

    user_id: str
    leads: frozenset[str] = frozenset()
    has_all: bool = False
    """Whether everybody's are, as administrators' are."""

    def has(self, webhook: Webhook) -> bool:
        """Whether this one is: a team's is its leads', whoever made it."""
        if self.has_all or webhook.team_id is not None:
            return self.has_all or webhook.team_id in self.leads
        return webhook.user_id == self.user_id


@dataclass(frozen=True)
class NewWebhook:
    """A webhook with its secret: the only moment at which that is known."""

    webhook: Webhook
    secret: str | None


@dataclass(frozen=True)
class WebhookPage:
    """A part of the list; `next_cursor` leads to the rest."""

    webhooks: Sequence[Webhook]
    next_cursor: str | None


def create_webhook(
    session: Session, user_id: str, team_id: str | None, request: JobWebhook, rules: NoticeRules, now: datetime
) -> NewWebhook:
    """A webhook for all of a user's jobs, or of a team's. Raises InvalidInput, and Conflict with too many."""
    raise_wrong(rules.check(request))
    own = (Webhook.team_id.is_(None), Webhook.job_id.is_(None), Webhook.user_id == user_id)
    count = select(func.count()).where(*([Webhook.team_id == team_id] if team_id is not None else own))
    if (session.scalar(count) or 0) >= MOST_WEBHOOKS:
        hint = "delete one that nobody needs: DELETE /api/v1/webhooks/{id}"
        raise Conflict(f"there are {MOST_WEBHOOKS} webhooks already, and no more are taken", hint=hint)
    return _add(session, Webhook(user_id=user_id, team_id=team_id), request, rules, now)


def add_job_webhooks(
    session: Session, job_id: str, user_id: str, requests: Sequence[JobWebhook], rules: NoticeRules, now: datetime
) -> list[Webhook]:
    """The webhooks of a new job, whose requests were checked. Raises Conflict without a key."""
    return [_add(session, Webhook(user_id=user_id, job_id=job_id), each, rules, now).webhook for each in requests]


def copy_job_webhooks(session: Session, old_job: str, new_job: str, user_id: str, now: datetime) -> list[Webhook]:
    """The webhooks that this user gave a job, with their secrets, made anew for its retry."""
    copies = []
    own = select(Webhook).where(Webhook.job_id == old_job, Webhook.user_id == user_id)
    for webhook in session.scalars(own.order_by(Webhook.created_at, Webhook.id)).all():
        copy = Webhook(id=new_id("wh"), user_id=user_id, job_id=new_job, kind=webhook.kind, url=webhook.url)
        copy.events, copy.secret, copy.failures, copy.created_at = webhook.events, webhook.secret, 0, now
        session.add(copy)
        copies.append(copy)
    session.flush()
    return copies


def find_webhook(session: Session, webhook_id: str) -> Webhook:
    """One webhook. Raises NotFound."""
    found = session.get(Webhook, webhook_id)
    if found is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    return found


def webhooks_of(
    session: Session,
    keeper: Keeper,
    limit: int,
    after: str | None,
    job_id: str | None = None,
    kind: WebhookKind | None = None,
) -> WebhookPage:
    """Webhooks that are somebody's to see, newest first; of one job or kind only where it is named.

    Raises InvalidInput for a cursor that was never given out.
    """
    query = select(Webhook)
    if not keeper.has_all:
        own = and_(Webhook.user_id == keeper.user_id, Webhook.team_id.is_(None))
        query = query.where(or_(own, Webhook.team_id.in_(keeper.leads)))
    if job_id is not None:
        query = query.where(Webhook.job_id == job_id)
    if kind is not None:
        query = query.where(Webhook.kind == kind)
    if after is not None:
        behind = session.get(Webhook, after)
        if behind is None or not keeper.has(behind):
            raise InvalidInput([_CURSOR])
        at_once = and_(Webhook.created_at == behind.created_at, Webhook.id > behind.id)
        query = query.where(or_(Webhook.created_at < behind.created_at, at_once))
    found = session.scalars(query.order_by(Webhook.created_at.desc(), Webhook.id).limit(limit + 1)).all()
    return WebhookPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def delete_webhook(session: Session, webhook: Webhook) -> None:
    """Forget a webhook with its deliveries; what waits is never sent."""
    session.execute(delete(Webhook).where(Webhook.id == webhook.id))


def change_webhook(
    session: Session, webhook: Webhook, change: WebhookChange, rules: NoticeRules, now: datetime
) -> None:
    """Another target, other events, off or on. What waits goes to the new target. Raises InvalidInput."""
    raise_wrong(rules.check_change(webhook.kind, change))
    if change.url is not None and change.url != webhook.url:
        webhook.url = change.url
        _forget_failures(webhook)
    if change.events is not None:
        webhook.events = list(change.events)
    if change.disabled and webhook.disabled_at is None:
        webhook.disabled_at, webhook.disabled_reason = now, _BY_HAND
        give_up_waiting(session, webhook.id, _BY_HAND)
    if change.disabled is False:
        if webhook.disabled_at is not None:
            give_up_waiting(session, webhook.id, "the webhook is on again")  # mail to its owner that it is off
        webhook.disabled_at = webhook.disabled_reason = None
        _forget_failures(webhook)


def hand_team_webhooks(session: Session, user_id: str, to_user_id: str) -> None:
    """Give somebody else the webhooks that a user made for teams, before the user is deleted: the teams keep them."""
    made = update(Webhook).where(Webhook.user_id == user_id, Webhook.team_id.is_not(None))
    session.execute(made.values(user_id=to_user_id))


def rotate_secret(webhook: Webhook, rules: NoticeRules, now: datetime, overlap_seconds: float = OVERLAP_SECONDS) -> str:
    """A new secret; meanwhile the old one signs too. Raises Conflict without a key, or where nothing is signed."""
    if not webhook.kind.is_signed:
        raise Conflict(f"notices of kind {webhook.kind} are not signed", hint="there is no secret to change")
    secret = new_secret()
    webhook.old_secret, webhook.secret = webhook.secret, rules.cipher.encrypt(secret)
    webhook.old_secret_until = now + timedelta(seconds=overlap_seconds)
    return secret


def _add(session: Session, webhook: Webhook, request: JobWebhook, rules: NoticeRules, now: datetime) -> NewWebhook:
    secret, webhook.secret = rules.sealed_secret(request)
    webhook.id, webhook.created_at, webhook.failures = new_id("wh"), now, 0
    webhook.kind, webhook.url, webhook.events = request.kind, request.url, list(request.events)
    session.add(webhook)
    session.flush()
    return NewWebhook(webhook, secret)


def _forget_failures(webhook: Webhook) -> None:
    webhook.failures = 0
    webhook.failing_since = webhook.last_failure_at = webhook.paused_until = None
