"""Session of a browser, as it is answered."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from tuning.people.models import SignInWay, Token
from tuning.people.scopes import Scope


class SessionInfo(BaseModel):
    """A session that a browser keeps."""

    id: str = Field(description="Its id.")
    user: str
    scopes: list[Scope] = Field(description="All that it may do.")
    signed_in_by: SignInWay = Field(
        description="token: a token was shown; oidc: the site's own sign-in; proxy: a proxy in front named the user."
    )
    token_id: str | None = Field(description="The token that was shown; the session ends with it.")
    address: str = Field(description="The network address that it began from.")
    user_agent: str = Field(description="The browser, as it calls itself.")
    is_current: bool = Field(description="Whether it is the session that asks.")
    created_at: datetime
    expires_at: datetime = Field(description="The latest moment at which it ends.")

    @classmethod
    def of(cls, row: Token, user_name: str, reader_id: str) -> Self:
        """From its row; `reader_id` is the id of the session or token that asks."""
        return cls(
            id=row.id,
            user=user_name,
            scopes=list(row.scope.all()),
            signed_in_by=row.signed_in_by or SignInWay.TOKEN,
            token_id=row.parent_id,
            address=row.address or "",
            user_agent=row.user_agent or "",
            is_current=row.id == reader_id,
            created_at=row.created_at,
            expires_at=row.expires_at or row.created_at,
        )
