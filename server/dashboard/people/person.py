"""Values of a person's page: what they used, and for themselves and administrators what is theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.answers.people import shown_users
from server.answers.webhooks import shown_webhooks
from server.dashboard.people.chart import UseChart, use_chart
from server.dashboard.people.filters import PeopleFilters
from server.schemas.people import UserJson
from server.schemas.secret import SecretInfo
from server.schemas.session import SessionInfo
from server.schemas.token import TokenInfo
from server.schemas.webhook import DeliveryInfo, WebhookInfo
from tuning.errors import InvalidInput, NotFound
from tuning.jobs.queries.use.usage_report import Period, UsageOf, UsedBy, usage_by_day
from tuning.notices.models import Webhook
from tuning.notices.outbox import DeliveryPage, deliveries_of
from tuning.notices.webhooks import Keeper, webhooks_of
from tuning.people.models import User
from tuning.people.queries import sessions_of, tokens_of
from tuning.people.sessions import MOST_SESSIONS
from tuning.people.tokens import MOST_TOKENS, Principal
from tuning.secrets.service import secrets_of

MOST_DELIVERIES = 20
_MOST_WEBHOOKS = 100


@dataclass(frozen=True)
class ShownDeliveries:
    """Deliveries of a webhook, the newest first."""

    webhook_id: str
    deliveries: Sequence[DeliveryInfo]
    next: str | None


@dataclass(frozen=True)
class Belongings:
    """Tokens, sessions and secrets of a person: for themselves; for administrators those that they may end."""

    tokens: Sequence[TokenInfo]
    sessions: Sequence[SessionInfo]
    secrets: Sequence[SecretInfo]
    """For themselves alone; empty for others."""
    webhooks: Sequence[WebhookInfo]
    deliveries: ShownDeliveries | None


@dataclass(frozen=True)
class PersonOnPage:
    """A person, as the reader may see them."""

    its: UserJson
    is_self: bool
    period: Period
    chart: UseChart | None
    belongings: Belongings | None
    """None for those who may not see them."""


def person_on_page(
    session: Session, reader: Principal, user: User, filters: PeopleFilters, now: datetime
) -> PersonOnPage:
    """Contents of a person's page that the reader may see; use by team, where their jobs may be seen."""
    period, is_self = filters.period(now), user.id == reader.user_id
    days = usage_by_day(session, UsedBy.TEAM, period, now, reader, UsageOf(user_id=user.id))
    (its,) = shown_users(session, [user], reader)
    is_open = is_self or reader.is_administrator
    own = _belongings(session, reader, user, filters, now) if is_open else None
    return PersonOnPage(its, is_self, period, use_chart(days, period), own)


def shown_deliveries(session: Session, webhooks: Sequence[Webhook], filters: PeopleFilters) -> ShownDeliveries | None:
    """Deliveries of that webhook of these which the address names. Raises NotFound where it is none of them."""
    if not filters.webhook:
        return None
    if filters.webhook not in {webhook.id for webhook in webhooks}:
        raise NotFound("there is no such webhook")
    page = _deliveries(session, filters)
    shown = [DeliveryInfo.of(delivery) for delivery in page.deliveries]
    return ShownDeliveries(filters.webhook, shown, page.next_cursor)


def _belongings(session: Session, reader: Principal, user: User, filters: PeopleFilters, now: datetime) -> Belongings:
    webhooks = webhooks_of(session, Keeper(user.id), _MOST_WEBHOOKS, None).webhooks
    return Belongings(
        tokens=[TokenInfo.of(token, name) for token, name in tokens_of(session, user.id, MOST_TOKENS)],
        sessions=[
            SessionInfo.of(row, name, reader.token_id)
            for row, name in sessions_of(session, user.id, now, MOST_SESSIONS)
        ],
        secrets=[SecretInfo.of(row) for row in secrets_of(session, user.id)] if user.id == reader.user_id else [],
        webhooks=shown_webhooks(session, webhooks),
        deliveries=shown_deliveries(session, webhooks, filters),
    )


def _deliveries(session: Session, filters: PeopleFilters) -> DeliveryPage:
    """A page of them; an unknown cursor begins anew."""
    try:
        return deliveries_of(session, filters.webhook, MOST_DELIVERIES, filters.after or None)
    except InvalidInput:
        return deliveries_of(session, filters.webhook, MOST_DELIVERIES, None)
