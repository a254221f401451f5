"""Webhooks: endpoints that are told of jobs' events, and what became of each notice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Page, with_fields
from server.dependencies import CurrentUser, NoticeRulesDep, NowDep, SessionDep
from server.http.problems import responses
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.notices import outbox
from tuning.notices import webhooks as service
from tuning.notices.models import Delivery, DeliveryStatus, Webhook, WebhookKind
from tuning.notices.request import WebhookChange, WebhookRequest
from tuning.people.directory import team_by_name
from tuning.people.queries import team_names, user_names
from tuning.people.tokens import Principal

router = APIRouter(prefix="/webhooks", tags=["notices"])

WebhookId = Annotated[str, Path(max_length=32, pattern="^wh_[a-z0-9]+$")]
DeliveryId = Annotated[str, Path(max_length=32, pattern="^msg_[a-z0-9]+$", description="The id of the delivery.")]
OfJob = Annotated[
    str | None, Query(max_length=32, pattern="^job_[a-z0-9]+$", description="Only those of this job alone.")
]


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

    @classmethod
    def all_of(cls, session: Session, webhooks: Sequence[Webhook]) -> list[Self]:
        """From their rows, with the names of users and teams."""
        users = user_names(session, (webhook.user_id for webhook in webhooks))
        teams = team_names(session, (webhook.team_id for webhook in webhooks if webhook.team_id is not None))
        named = ((webhook, users[webhook.user_id], teams.get(webhook.team_id or "")) for webhook in webhooks)
        return [cls(**_own_values(webhook), user=user, team=team) for webhook, user, team in named]


class NewWebhook(WebhookInfo):
    """A webhook that was just made, or was given another secret."""

    secret: str | None = Field(
        description="What its notices are signed with (Standard Webhooks); shown this once. Null: they are not signed."
    )


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


async def get_keeper(user: CurrentUser) -> service.Keeper:
    """The webhooks that whoever asks may see and change."""
    return service.Keeper(user.user_id, user.led_teams, user.is_administrator)


KeeperDep = Annotated[service.Keeper, Depends(get_keeper)]


def own_webhook(webhook_id: WebhookId, session: SessionDep, keeper: KeeperDep) -> Webhook:
    """One's own webhook, one of a team that one leads, or as an administrator any. Raises NotFound."""
    webhook = service.find_webhook(session, webhook_id)
    if not keeper.has(webhook):
        raise NotFound(f"there is no webhook {webhook_id}")
    return webhook


OwnWebhook = Annotated[Webhook, Depends(own_webhook)]


@router.post("", status_code=201, responses=responses(409))
def create_webhook(
    request: WebhookRequest, session: SessionDep, user: CurrentUser, rules: NoticeRulesDep, now: NowDep
) -> NewWebhook:
    """Have an endpoint told of all your jobs, or of a team's; `webhooks` of `POST /jobs` has one told of that job."""
    team_id = _led_team(session, user, request.team) if request.team is not None else None
    made = service.create_webhook(session, user.user_id, team_id, request, rules, now)
    return NewWebhook(**_shown(session, made.webhook).model_dump(), secret=made.secret)


@router.get("", response_model=Page[WebhookInfo])
def list_webhooks(
    session: SessionDep,
    keeper: KeeperDep,
    job: OfJob = None,
    limit: Limit = DEFAULT_LIMIT,
    after: After = None,
    fields: Fields = None,
) -> Page[WebhookInfo] | Response:
    """One's own webhooks and those of the teams that one leads, newest first; for administrators everybody's."""
    page = service.webhooks_of(session, keeper, limit, _plain(after), job)
    rows = WebhookInfo.all_of(session, page.webhooks)
    found = Page[WebhookInfo](data=rows, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, WebhookInfo, fields)


@router.get("/{webhook_id}", responses=responses(404))
def show_webhook(webhook: OwnWebhook, session: SessionDep) -> WebhookInfo:
    """One webhook."""
    return _shown(session, webhook)


@router.patch("/{webhook_id}", responses=responses(404))
def change_webhook(
    webhook: OwnWebhook, change: WebhookChange, session: SessionDep, rules: NoticeRulesDep, now: NowDep
) -> WebhookInfo:
    """Another target, other events, off or on again; what is left out stays."""
    service.change_webhook(session, webhook, change, rules, now)
    return _shown(session, webhook)


@router.delete("/{webhook_id}", status_code=204, responses=responses(404))
def delete_webhook(webhook: OwnWebhook, session: SessionDep) -> Response:
    """Forget a webhook and its deliveries. What still waits for it is not sent."""
    service.delete_webhook(session, webhook)
    return Response(status_code=204)


@router.post("/{webhook_id}/test", status_code=202, responses=responses(404, 409))
def send_test_notice(webhook: OwnWebhook, session: SessionDep, now: NowDep) -> DeliveryInfo:
    """Send it a notice `webhook.test`; its deliveries show what became of it."""
    return DeliveryInfo.of(outbox.send_test(session, webhook, now))


@router.post("/{webhook_id}/rotate-secret", responses=responses(404, 409))
def rotate_webhook_secret(webhook: OwnWebhook, session: SessionDep, rules: NoticeRulesDep, now: NowDep) -> NewWebhook:
    """Give it a new secret. For a day its notices are signed with the old one too."""
    secret = service.rotate_secret(webhook, rules, now)
    return NewWebhook(**_shown(session, webhook).model_dump(), secret=secret)


@router.get("/{webhook_id}/deliveries", response_model=Page[DeliveryInfo], responses=responses(404))
def list_deliveries(
    webhook: OwnWebhook,
    session: SessionDep,
    limit: Limit = DEFAULT_LIMIT,
    after: After = None,
    fields: Fields = None,
) -> Page[DeliveryInfo] | Response:
    """The notices of the last 30 days and what became of them, newest first."""
    page = outbox.deliveries_of(session, webhook.id, limit, _plain(after))
    rows = [DeliveryInfo.of(delivery) for delivery in page.deliveries]
    found = Page[DeliveryInfo](data=rows, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, DeliveryInfo, fields)


@router.post("/{webhook_id}/deliveries/{delivery_id}/resend", status_code=202, responses=responses(404, 409))
def resend_delivery(webhook: OwnWebhook, delivery_id: DeliveryId, session: SessionDep, now: NowDep) -> DeliveryInfo:
    """Send a notice again under its old id, or at once what waits for its next try."""
    return DeliveryInfo.of(outbox.resend(session, webhook, delivery_id, now))


def _shown(session: Session, webhook: Webhook) -> WebhookInfo:
    (shown,) = WebhookInfo.all_of(session, [webhook])
    return shown


def _own_values(webhook: Webhook) -> dict[str, Any]:
    named = ("user", "team", "disabled")
    own = {name: getattr(webhook, name) for name in WebhookInfo.model_fields if name not in named}
    return {**own, "disabled": webhook.disabled_at is not None}


def _led_team(session: Session, user: Principal, name: str) -> str:
    """The id of a team. Raises InvalidInput for one that is not theirs to lead."""
    team = team_by_name(session, name)
    if team is None or not (user.is_administrator or team.id in user.led_teams):
        hint = "GET /api/v1/me lists your teams; a team's webhooks are made by its leads and by administrators"
        raise InvalidInput([Finding(("team",), f"you lead no team {name}", hint)])
    return team.id


def _plain(after: str | None) -> str | None:
    """A cursor that PostgreSQL can be asked for; any other was never given out."""
    return after if after is None or after.isprintable() else "?"
