"""Changes of the record as answers show them."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from tuning.people.models import AuditEntry


class AuditJson(BaseModel):
    """A change: its actor and origin, and the values before and after."""

    id: int = Field(description="Grows from entry to entry.")
    at: datetime = Field(description="When it was made.")
    actor: str = Field(
        description="A user's name; `operator`: a command on the service's own machine; `packtrain`: the service."
    )
    token_id: str | None = Field(description="The token that it came with.")
    address: str | None = Field(description="The network address that it came from.")
    action: str = Field(description="user.created, user.disabled, member.set, token.created, job.cancel, ...")
    subject_kind: str = Field(description="user, team, token, job, secret, alias, limit, settings, ...")
    subject: str = Field(description="Its name or id.")
    before: dict[str, Any] | None = Field(description="The values before, as far as they matter.")
    after: dict[str, Any] | None = Field(description="The values after.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """From its row."""
        return cls.model_validate(entry, from_attributes=True)
