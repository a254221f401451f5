"""Webhooks among the methods of both clients: `Packtrain` and `AsyncPacktrain` inherit them."""

from typing_extensions import Unpack

from packtrain.operations import webhooks as webhooks_api
from packtrain.schema import (
    Delivery,
    DeliveryPage,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookKind,
    WebhookPage,
)
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.http import Http


class WebhookMethods:
    """Methods of the synchronous client."""

    _http: Http

    def create_webhook(
        self,
        url: str,
        *,
        kind: WebhookKind | None = None,
        events: list[str] | None = None,
        team: str | None = None,
        secret: str | None = None,
    ) -> NewWebhook:
        """Have an endpoint told of all your jobs, or of a team's that you lead; its secret is told this one time."""
        return self._http.send(webhooks_api.create_webhook(url, kind, events, team, secret))

    def webhooks(self, *, job_id: str | None = None, limit: int = 50, after: str | None = None) -> WebhookPage:
        """One page of your webhooks, newest first; of one job only, where it is named."""
        return self._http.send(webhooks_api.webhooks(limit, after, job_id))

    def webhook(self, webhook_id: str) -> Webhook:
        """One webhook."""
        return self._http.send(webhooks_api.webhook(webhook_id))

    def change_webhook(self, webhook_id: str, **changes: Unpack[WebhookChange]) -> Webhook:
        """Another target, other events, off or on again."""
        return self._http.send(webhooks_api.change_webhook(webhook_id, changes))

    def delete_webhook(self, webhook_id: str) -> None:
        """Forget a webhook; what still waits for it is not sent."""
        self._http.send(webhooks_api.delete_webhook(webhook_id))

    def test_webhook(self, webhook_id: str) -> Delivery:
        """Send it a notice of no job; its deliveries show what became of that."""
        return self._http.send(webhooks_api.test_webhook(webhook_id))

    def rotate_webhook_secret(self, webhook_id: str) -> NewWebhook:
        """A new secret, told this one time; for a day the old one signs too."""
        return self._http.send(webhooks_api.rotate_webhook_secret(webhook_id))

    def deliveries(self, webhook_id: str, *, limit: int = 50, after: str | None = None) -> DeliveryPage:
        """One page of a webhook's notices and what became of them, newest first."""
        return self._http.send(webhooks_api.deliveries(webhook_id, limit, after))

    def resend_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a notice again under its old id, or at once what waits for its next try."""
        return self._http.send(webhooks_api.resend_delivery(webhook_id, delivery_id))


class AsyncWebhookMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def create_webhook(
        self,
        url: str,
        *,
        kind: WebhookKind | None = None,
        events: list[str] | None = None,
        team: str | None = None,
        secret: str | None = None,
    ) -> NewWebhook:
        """Have an endpoint told of all your jobs, or of a team's that you lead; its secret is told this one time."""
        return await self._http.send(webhooks_api.create_webhook(url, kind, events, team, secret))

    async def webhooks(self, *, job_id: str | None = None, limit: int = 50, after: str | None = None) -> WebhookPage:
        """One page of your webhooks, newest first; of one job only, where it is named."""
        return await self._http.send(webhooks_api.webhooks(limit, after, job_id))

    async def webhook(self, webhook_id: str) -> Webhook:
        """One webhook."""
        return await self._http.send(webhooks_api.webhook(webhook_id))

    async def change_webhook(self, webhook_id: str, **changes: Unpack[WebhookChange]) -> Webhook:
        """Another target, other events, off or on again."""
        return await self._http.send(webhooks_api.change_webhook(webhook_id, changes))

    async def delete_webhook(self, webhook_id: str) -> None:
        """Forget a webhook; what still waits for it is not sent."""
        await self._http.send(webhooks_api.delete_webhook(webhook_id))

    async def test_webhook(self, webhook_id: str) -> Delivery:
        """Send it a notice of no job; its deliveries show what became of that."""
        return await self._http.send(webhooks_api.test_webhook(webhook_id))

    async def rotate_webhook_secret(self, webhook_id: str) -> NewWebhook:
        """A new secret, told this one time; for a day the old one signs too."""
        return await self._http.send(webhooks_api.rotate_webhook_secret(webhook_id))

    async def deliveries(self, webhook_id: str, *, limit: int = 50, after: str | None = None) -> DeliveryPage:
        """One page of a webhook's notices and what became of them, newest first."""
        return await self._http.send(webhooks_api.deliveries(webhook_id, limit, after))

    async def resend_delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a notice again under its old id, or at once what waits for its next try."""
        return await self._http.send(webhooks_api.resend_delivery(webhook_id, delivery_id))
