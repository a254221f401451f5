"""Webhooks: endpoints that are told of jobs' events, and what became of each notice."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from server.answers.webhooks import KeeperDep, kept_webhook, shown_webhooks
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Page, with_fields
from server.dependencies import ActorDep, CurrentUser, NoticeRulesDep, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.webhook import DeliveryInfo, WebhookInfo
from tuning.errors import Finding, InvalidInput
from tuning.notices import outbox
from tuning.notices import webhooks as service
from tuning.notices.models import Webhook
from tuning.notices.recorded import record_webhook, recorded_values
from tuning.notices.request import WebhookChange, WebhookRequest
from tuning.people.directory import team_by_name
from tuning.people.tokens import Principal

router = APIRouter(prefix="/webhooks", tags=["notices"])

WebhookId = Annotated[str, Path(max_length=32, pattern="^wh_[a-z0-9]+$")]
DeliveryId = Annotated[str, Path(max_length=32, pattern="^msg_[a-z0-9]+$", description="The id of the delivery.")]
OfJob = Annotated[
    str | None, Query(max_length=32, pattern="^job_[a-z0-9]+$", description="Only those of this job alone.")
]


class NewWebhook(WebhookInfo):
    """A webhook that was just made, or was given another secret."""

    secret: str | None = Field(
        description="What its notices are signed with (Standard Webhooks); shown this once. Null: they are not signed."
    )


def own_webhook(webhook_id: WebhookId, session: SessionDep, keeper: KeeperDep) -> Webhook:
    """The webhook of a path. Raises NotFound."""
    return kept_webhook(session, keeper, webhook_id)


OwnWebhook = Annotated[Webhook, Depends(own_webhook)]


@router.post("", status_code=201, responses=responses(409))
def create_webhook(
    request: WebhookRequest,
    session: SessionDep,
    user: CurrentUser,
    rules: NoticeRulesDep,
    actor: ActorDep,
    now: NowDep,
) -> NewWebhook:
    """Have an endpoint told of all your jobs, or of a team's; `webhooks` of `POST /jobs` has one told of that job."""
    team_id = _led_team(session, user, request.team) if request.team is not None else None
    made = service.create_webhook(session, user.user_id, team_id, request, rules, now)
    record_webhook(session, actor, "created", made.webhook, now, after=recorded_values(made.webhook))
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
    rows = shown_webhooks(session, page.webhooks)
    found = Page[WebhookInfo](data=rows, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, WebhookInfo, fields)


@router.get("/{webhook_id}", responses=responses(404))
def show_webhook(webhook: OwnWebhook, session: SessionDep) -> WebhookInfo:
    """One webhook."""
    return _shown(session, webhook)


@router.patch("/{webhook_id}", responses=responses(404))
def change_webhook(
    webhook: OwnWebhook,
    change: WebhookChange,
    session: SessionDep,
    rules: NoticeRulesDep,
    actor: ActorDep,
    now: NowDep,
) -> WebhookInfo:
    """Another target, other events, off or on again; what is left out stays."""
    before = recorded_values(webhook)
    service.change_webhook(session, webhook, change, rules, now)
    record_webhook(session, actor, "changed", webhook, now, before=before, after=recorded_values(webhook))
    return _shown(session, webhook)


@router.delete("/{webhook_id}", status_code=204, responses=responses(404))
def delete_webhook(webhook: OwnWebhook, session: SessionDep, actor: ActorDep, now: NowDep) -> Response:
    """Forget a webhook and its deliveries. What still waits for it is not sent."""
    record_webhook(session, actor, "deleted", webhook, now, before=recorded_values(webhook))
    service.delete_webhook(session, webhook)
    return Response(status_code=204)


@router.post("/{webhook_id}/test", status_code=202, responses=responses(404, 409))
def send_test_notice(webhook: OwnWebhook, session: SessionDep, actor: ActorDep, now: NowDep) -> DeliveryInfo:
    """Send it a notice `webhook.test`; its deliveries show what became of it."""
    sent = outbox.send_test(session, webhook, now)
    record_webhook(session, actor, "tested", webhook, now, after={"delivery": sent.id})
    return DeliveryInfo.of(sent)


@router.post("/{webhook_id}/rotate-secret", responses=responses(404, 409))
def rotate_webhook_secret(
    webhook: OwnWebhook, session: SessionDep, rules: NoticeRulesDep, actor: ActorDep, now: NowDep
) -> NewWebhook:
    """Give it a new secret. For a day its notices are signed with the old one too."""
    secret = service.rotate_secret(webhook, rules, now)
    record_webhook(session, actor, "secret_rotated", webhook, now)
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
def resend_delivery(
    webhook: OwnWebhook, delivery_id: DeliveryId, session: SessionDep, actor: ActorDep, now: NowDep
) -> DeliveryInfo:
    """Send a notice again under its old id, or at once what waits for its next try."""
    sent = outbox.resend(session, webhook, delivery_id, now)
    record_webhook(session, actor, "resent", webhook, now, after={"delivery": delivery_id})
    return DeliveryInfo.of(sent)


def _shown(session: Session, webhook: Webhook) -> WebhookInfo:
    (shown,) = shown_webhooks(session, [webhook])
    return shown


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
