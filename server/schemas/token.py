"""Tokens as answers show them, without their text."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from tuning.people.models import Token
from tuning.people.scopes import Scope


class TokenInfo(BaseModel):
    """A token, without its text."""

    id: str
    name: str
    user: str
    scopes: list[Scope] = Field(description="All that it may do.")
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, token: Token, user_name: str) -> Self:
        """From its row."""
        return cls(
            id=token.id,
            name=token.name,
            user=user_name,
            scopes=list(token.scope.all()),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
