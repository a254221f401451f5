"""Webhook endpoints: made, listed, changed, deleted, given another secret."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from server.answers.webhooks import KeeperDep, kept_webhook
from server.dependencies import ActorDep, CurrentUser, NoticeRulesDep, NowDep, SessionDep
from server.openai.files.schema import DeletedObject
from server.openai.ids import webhook_id_of
from server.openai.pages import ItemList, item_list
from server.openai.webhooks.schema import (
    EndpointBody,
    EndpointChange,
    EndpointObject,
    EventTypeList,
    NewEndpointObject,
    RotationBody,
    own_events,
)
from tuning.errors import NotFound
from tuning.notices import webhooks as service
from tuning.notices.events import OPENAI_NAMES
from tuning.notices.models import Webhook, WebhookKind
from tuning.notices.recorded import record_webhook, recorded_values
from tuning.notices.request import WebhookChange, WebhookRequest

router = APIRouter()


def own_endpoint(endpoint_id: str, session: SessionDep, keeper: KeeperDep) -> Webhook:
    """The webhook of a path. Raises NotFound, also for one of another kind."""
    webhook = kept_webhook(session, keeper, webhook_id_of(endpoint_id))
    if webhook.kind is not WebhookKind.OPENAI:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")
    return webhook


OwnEndpoint = Annotated[Webhook, Depends(own_endpoint)]


@router.get("/webhook_event_types")
def list_event_types() -> EventTypeList:
    """The events that endpoints may be told of."""
    return EventTypeList(data=list(OPENAI_NAMES.values()))


@router.post("/webhook_endpoints")
def create_endpoint(
    body: EndpointBody, session: SessionDep, user: CurrentUser, rules: NoticeRulesDep, actor: ActorDep, now: NowDep
) -> NewEndpointObject:
    """Have an endpoint told of the ends of one's trainings."""
    wanted = WebhookRequest(url=body.url, kind=WebhookKind.OPENAI, events=own_events(body.event_types))
    made = service.create_webhook(session, user.user_id, None, wanted, rules, now)
    made.webhook.name = body.name
    record_webhook(session, actor, "created", made.webhook, now, after=recorded_values(made.webhook))
    return NewEndpointObject.of(made.webhook, signing_secret=made.secret)


@router.get("/webhook_endpoints")
def list_endpoints(
    session: SessionDep,
    keeper: KeeperDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ItemList[EndpointObject]:
    """One's own endpoints and those of the teams that one leads, newest first."""
    behind = webhook_id_of(after) if after is not None else None
    page = service.webhooks_of(session, keeper, limit, behind, kind=WebhookKind.OPENAI)
    return item_list([EndpointObject.of(each) for each in page.webhooks], has_more=page.next_cursor is not None)


@router.get("/webhook_endpoints/{endpoint_id}")
def retrieve_endpoint(webhook: OwnEndpoint) -> EndpointObject:
    """One endpoint."""
    return EndpointObject.of(webhook)


@router.post("/webhook_endpoints/{endpoint_id}")
def update_endpoint(
    webhook: OwnEndpoint,
    body: EndpointChange,
    session: SessionDep,
    rules: NoticeRulesDep,
    actor: ActorDep,
    now: NowDep,
) -> EndpointObject:
    """Another name, URL or choice of events; what is left out stays."""
    before = recorded_values(webhook)
    events = own_events(body.event_types) if body.event_types is not None else None
    service.change_webhook(session, webhook, WebhookChange(url=body.url, events=events), rules, now)
    webhook.name = body.name or webhook.name
    record_webhook(session, actor, "changed", webhook, now, before=before, after=recorded_values(webhook))
    return EndpointObject.of(webhook)


@router.delete("/webhook_endpoints/{endpoint_id}")
def delete_endpoint(webhook: OwnEndpoint, session: SessionDep, actor: ActorDep, now: NowDep) -> DeletedObject:
    """Forget an endpoint. What still waits for it is not sent."""
    shown = EndpointObject.of(webhook)
    record_webhook(session, actor, "deleted", webhook, now, before=recorded_values(webhook))
    service.delete_webhook(session, webhook)
    return DeletedObject(id=shown.id, object="webhook_endpoint.deleted")


@router.post("/webhook_endpoints/{endpoint_id}/rotate_secret")
def rotate_endpoint_secret(
    webhook: OwnEndpoint,
    session: SessionDep,
    rules: NoticeRulesDep,
    actor: ActorDep,
    now: NowDep,
    body: RotationBody | None = None,
) -> NewEndpointObject:
    """Give it a new secret; the one before holds for another day only where that is wanted."""
    keeps_old = body is not None and body.keep_old_secret_active_for_24_hours
    secret = service.rotate_secret(webhook, rules, now, service.OVERLAP_SECONDS if keeps_old else 0.0)
    record_webhook(session, actor, "secret_rotated", webhook, now)
    return NewEndpointObject.of(webhook, signing_secret=secret)
