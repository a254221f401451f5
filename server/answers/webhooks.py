"""Webhooks as answers show them, to those whose they are: with the names of their users and teams."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.orm import Session

from server.dependencies import CurrentUser
from server.schemas.webhook import WebhookInfo
from tuning.errors import NotFound
from tuning.notices.models import Webhook
from tuning.notices.webhooks import Keeper, find_webhook
from tuning.people.queries import team_names, user_names


async def get_keeper(user: CurrentUser) -> Keeper:
    """The webhooks that whoever asks may see and change."""
    return Keeper(user.user_id, user.led_teams, user.is_administrator)


KeeperDep = Annotated[Keeper, Depends(get_keeper)]


def kept_webhook(session: Session, keeper: Keeper, webhook_id: str) -> Webhook:
    """One's own webhook, one of a team that one leads, or as an administrator any. Raises NotFound."""
    webhook = find_webhook(session, webhook_id)
    if not keeper.has(webhook):
        raise NotFound(f"there is no webhook {webhook_id}")
    return webhook


def shown_webhooks(session: Session, webhooks: Sequence[Webhook]) -> list[WebhookInfo]:
    """From their rows, in two queries however many there are."""
    users = user_names(session, (webhook.user_id for webhook in webhooks))
    teams = team_names(session, (webhook.team_id for webhook in webhooks if webhook.team_id is not None))
    named = ((webhook, users[webhook.user_id], teams.get(webhook.team_id or "")) for webhook in webhooks)
    return [WebhookInfo(**_own_values(webhook), user=user, team=team) for webhook, user, team in named]


def _own_values(webhook: Webhook) -> dict[str, Any]:
    named = ("user", "team", "disabled")
    own = {name: getattr(webhook, name) for name in WebhookInfo.model_fields if name not in named}
    return {**own, "disabled": webhook.disabled_at is not None}
