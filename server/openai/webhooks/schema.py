"""Webhook endpoints as OpenAI's API takes and shows them: webhooks of the kind `openai`."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.openai.files.schema import unix_seconds
from server.openai.ids import endpoint_id_of
from tuning.errors import Finding, InvalidInput
from tuning.notices.events import OPENAI_NAMES
from tuning.notices.models import Webhook
from tuning.notices.request import Url

_OWN_NAMES = {name: own for own, name in OPENAI_NAMES.items()}
EndpointName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
EventType = Annotated[str, StringConstraints(max_length=100)]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=50)]


class EndpointBody(BaseModel):
    """A new endpoint."""

    model_config = ConfigDict(extra="forbid")

    name: EndpointName
    url: Url
    event_types: EventTypes


class EndpointChange(BaseModel):
    """Changes of an endpoint; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: EndpointName | None = None
    url: Url | None = None
    event_types: EventTypes | None = None


class RotationBody(BaseModel):
    """Wish for a new secret: whether the one before signs beside it for a day."""

    model_config = ConfigDict(extra="forbid")

    keep_old_secret_active_for_24_hours: bool = False


class TrialBody(BaseModel):
    """The event of which an example is sent."""

    model_config = ConfigDict(extra="forbid")

    event_type: EventType


class EndpointObject(BaseModel):
    """An endpoint, without its secret."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    created_at: int
    event_types: list[str]
    name: str
    url: str

    @classmethod
    def of(cls, webhook: Webhook, **more: Any) -> Self:
        """From its row."""
        return cls(
            id=endpoint_id_of(webhook.id),
            created_at=unix_seconds(webhook.created_at),
            event_types=[OPENAI_NAMES[event] for event in webhook.events],
            name=webhook.name or webhook.id,
            url=webhook.url,
            **more,
        )


class NewEndpointObject(EndpointObject):
    """An endpoint that was just made, or was given another secret."""

    signing_secret: str


class TrialObject(BaseModel):
    """Answer of an endpoint to an example."""

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    event_type: str
    status_code: int
    success: Literal[True] = True


class EventTypeList(BaseModel):
    """The events that there are."""

    object: Literal["list"] = "list"
    data: list[str]


def own_events(event_types: list[str], *place: str) -> tuple[str, ...]:
    """Our names of events. Raises InvalidInput for one that no job here has."""
    hint = f"there are: {', '.join(_OWN_NAMES)}"
    findings = [
        Finding((*(place or ("event_types", number)),), f"there is no event {name!a} here", hint)
        for number, name in enumerate(event_types)
        if name not in _OWN_NAMES
    ]
    if findings:
        raise InvalidInput(findings)
    return tuple(dict.fromkeys(_OWN_NAMES[name] for name in event_types))
