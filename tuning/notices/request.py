"""Requests for webhooks: the pydantic border of `POST /webhooks`, of its changes, and of `webhooks` in `POST /jobs`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from tuning.notices.events import ENDS
from tuning.notices.models import WebhookKind
from tuning.notices.targets import LONGEST_URL

MOST_OF_A_JOB = 5
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL, pattern=r"^[^\x00-\x20\x7f]*$")]
TeamName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z_.*]+$")]
Events = Annotated[tuple[EventName, ...], Field(max_length=50)]


class JobWebhook(BaseModel):
    """An endpoint to tell of events of one job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url = Field(description="Where notices go: http(s)://..., or mailto:NAME@DOMAIN for mail.")
    kind: WebhookKind = Field(
        default=WebhookKind.STANDARD,
        description="The form of the notices: signed JSON (Standard Webhooks), a text for Slack or Mattermost, mail; "
        "or the three ends of trainings as OpenAI's webhooks tell them.",
    )
    events: Events = Field(
        default=ENDS,
        description="Which events: exact names (job.failed, warning), job.* or checkpoint.*; by default the ends.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description="Of kinds standard and openai: a secret of your own to sign with, whsec_ and 24 to 64 bytes in "
        "base64; by default one is made.",
    )


class WebhookRequest(JobWebhook):
    """An endpoint to tell of events of all one's jobs, or of a team's."""

    team: TeamName | None = Field(
        default=None, description="The team whose jobs it is told of, for its leads; by default it is your own jobs."
    )


class WebhookChange(BaseModel):
    """A change of an endpoint: what is left out (or null) stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url | None = Field(default=None, description="Another target, of the same kind.")
    events: Events | None = Field(default=None, description="All of its events.")
    disabled: bool | None = Field(
        default=None, description="true switches it off, false on again, also after packtrain switched it off."
    )
