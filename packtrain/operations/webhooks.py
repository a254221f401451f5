"""Operations on webhooks and their deliveries, as calls. Pure."""

from packtrain.operations.query import page_query
from packtrain.schema import Delivery, DeliveryPage, NewWebhook, Webhook, WebhookChange, WebhookKind, WebhookPage
from packtrain.transport.call import Call, path_of


def create_webhook(
    url: str, kind: WebhookKind | None, events: list[str] | None, team: str | None, secret: str | None
) -> Call[NewWebhook]:
    given = {"kind": kind, "events": events, "team": team, "secret": secret}
    body = {"url": url, **{key: value for key, value in given.items() if value is not None}}
    return Call("POST", "webhooks", body=body)


def webhooks(limit: int, after: str | None, job_id: str | None) -> Call[WebhookPage]:
    return Call("GET", "webhooks", page_query(limit, after, {"job": job_id} if job_id is not None else {}))


def webhook(webhook_id: str) -> Call[Webhook]:
    return Call("GET", path_of("webhooks", webhook_id))


def change_webhook(webhook_id: str, changes: WebhookChange) -> Call[Webhook]:
    return Call("PATCH", path_of("webhooks", webhook_id), body=changes)


def delete_webhook(webhook_id: str) -> Call[None]:
    return Call("DELETE", path_of("webhooks", webhook_id))


def test_webhook(webhook_id: str) -> Call[Delivery]:
    return Call("POST", path_of("webhooks", webhook_id, "test"))


def rotate_webhook_secret(webhook_id: str) -> Call[NewWebhook]:
    return Call("POST", path_of("webhooks", webhook_id, "rotate-secret"))


def deliveries(webhook_id: str, limit: int, after: str | None) -> Call[DeliveryPage]:
    return Call("GET", path_of("webhooks", webhook_id, "deliveries"), page_query(limit, after, {}))


def resend_delivery(webhook_id: str, delivery_id: str) -> Call[Delivery]:
    return Call("POST", path_of("webhooks", webhook_id, "deliveries", delivery_id, "resend"))
