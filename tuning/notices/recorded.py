"""Changes of webhooks in the record of changes: never with a secret, nor with what makes a chat's URL one."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from tuning.notices.models import Webhook, WebhookKind
from tuning.people.audit import Actor, Change, record

_FINGERPRINT_CHARACTERS = 12


def recorded_values(webhook: Webhook) -> dict[str, Any]:
    """The values of a webhook that a change of it may change, and whose it is."""
    return {
        "kind": webhook.kind.value,
        "target": recorded_target(webhook.kind, webhook.url),
        "events": list(webhook.events),
        "user": webhook.user_id,
        "team": webhook.team_id,
        "job": webhook.job_id,
        "disabled": webhook.disabled_reason,
    }


def recorded_target(kind: WebhookKind, url: str) -> str:
    """A mail's address; of a URL its host and a fingerprint of it all: whoever knows a chat's URL can write there."""
    if kind is WebhookKind.MAIL:
        return url
    fingerprint = hashlib.sha256(url.encode()).hexdigest()[:_FINGERPRINT_CHARACTERS]
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/ (sha256 {fingerprint})"


def record_webhook(
    session: Session,
    actor: Actor,
    action: str,
    webhook: Webhook,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry about a webhook: `webhook.` and what became of it."""
    record(session, actor, Change(f"webhook.{action}", "webhook", webhook.id, before, after), now)
