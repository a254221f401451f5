"""Bearer tokens: made and shown once, listed without their text, ended."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.api.pages import MAX_LIMIT, After, Fields, Limit, Moment, Page, with_fields
from server.dependencies import CurrentUser, NowDep, SessionDep
from server.http.problems import responses
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.people import tokens as service
from tuning.people.models import Token
from tuning.people.scopes import Scope, widest

router = APIRouter(prefix="/tokens", tags=["accounts"])


class TokenRequest(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        description="The purpose of the token."
    )
    user: Annotated[str, StringConstraints(pattern=service.USER_NAME)] | None = Field(
        default=None, description="Whose it is: oneself; for administrators anybody, who is made when new."
    )
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = Field(
        default=None,
        description="Its permissions: submit implies read, admin both. By default what is usual for the user: submit, "
        "and admin for administrators. Never more than the token has that asks.",
    )
    expires_at: Moment | None = None


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


class NewToken(TokenInfo):
    """A token that was just made."""

    token: str = Field(description="The text to send as `Authorization: Bearer`. It is shown this once.")


@router.post("", status_code=201, responses=responses(403, 409))
def create_token(request: TokenRequest, session: SessionDep, user: CurrentUser, now: NowDep) -> NewToken:
    """Make a token."""
    issued = service.create_token(
        session,
        user,
        now,
        name=request.name,
        user_name=request.user,
        scope=widest(request.scopes) if request.scopes else None,
        expires_at=request.expires_at,
    )
    return NewToken(**TokenInfo.of(issued.token, issued.user_name).model_dump(), token=issued.text)


@router.get("", response_model=Page[TokenInfo])
def list_tokens(
    session: SessionDep, user: CurrentUser, limit: Limit = MAX_LIMIT, after: After = None, fields: Fields = None
) -> Page[TokenInfo] | Response:
    """One's own tokens that are not revoked, newest first; for administrators everybody's."""
    if after is not None and not _is_id(after):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    page = service.visible_tokens(session, user, limit, after)
    tokens = [TokenInfo.of(token, name) for token, name in page.tokens]
    found = Page[TokenInfo](data=tokens, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, TokenInfo, fields)


@router.delete("/{token_id}", status_code=204, responses=responses(404))
def revoke_token(token_id: str, session: SessionDep, user: CurrentUser, now: NowDep) -> Response:
    """End a token: one's own, or as an administrator anybody's."""
    if not _is_id(token_id):
        raise NotFound("there is no such token")
    service.revoke_token(session, user, token_id, now)
    return Response(status_code=204)


def _is_id(text: str) -> bool:
    return text.startswith("tok_") and text.isprintable()
