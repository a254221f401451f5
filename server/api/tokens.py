"""Bearer tokens: made and shown once, listed without their text, ended."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from server.api.pages import MAX_LIMIT, After, Fields, Limit, Moment, Page, with_fields
from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.token import TokenInfo
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.people import tokens as service
from tuning.people.audit import Change, record
from tuning.people.queries import user_names
from tuning.people.scopes import Scope, widest
from tuning.people.teams import TEAM_NAME
from tuning.people.tokens import Principal
from tuning.people.tool_tokens import ToolToken, create_tool_token

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
    tool: Annotated[str, StringConstraints(pattern=service.USER_NAME)] | None = Field(
        default=None,
        description="A tool (a service) that it is for, which is made when new; with `team`. For leads of the team and "
        "administrators.",
    )
    team: Annotated[str, StringConstraints(pattern=TEAM_NAME)] | None = Field(
        default=None, description="The team that the tool belongs to."
    )
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = Field(
        default=None,
        description="Its permissions: submit implies read, admin both. By default what is usual for the user: submit, "
        "and admin for administrators. Never more than the token has that asks.",
    )
    expires_at: Moment | None = None


class NewToken(TokenInfo):
    """A token that was just made."""

    token: str = Field(description="The text to send as `Authorization: Bearer`. It is shown this once.")


@router.post("", status_code=201, responses=responses(403, 409))
def create_token(
    request: TokenRequest, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep
) -> NewToken:
    """Make a token: for oneself, for a tool of a team that one leads, or as an administrator for anybody."""
    issued = _issued(request, session, user, now)
    info = TokenInfo.of(issued.token, issued.user_name)
    if issued.is_new_user:
        record(
            session,
            actor,
            Change("user.created", "user", issued.user_name, after={"teams": [request.team or "lab"]}),
            now,
        )
    record(session, actor, Change("token.created", "token", info.id, after=_told(info)), now)
    return NewToken(**info.model_dump(), token=issued.text)


@router.get("", response_model=Page[TokenInfo])
def list_tokens(
    session: SessionDep, user: CurrentUser, limit: Limit = MAX_LIMIT, after: After = None, fields: Fields = None
) -> Page[TokenInfo] | Response:
    """Tokens that are not revoked, newest first: one's own, and those of tools of teams that one leads.

    For administrators everybody's.
    """
    if after is not None and not _is_id(after):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    page = service.visible_tokens(session, user, limit, after)
    tokens = [TokenInfo.of(token, name) for token, name in page.tokens]
    found = Page[TokenInfo](data=tokens, has_more=page.next_cursor is not None, next=page.next_cursor)
    return with_fields(found, TokenInfo, fields)


@router.delete("/{token_id}", status_code=204, responses=responses(404))
def revoke_token(token_id: str, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep) -> Response:
    """End a token: one's own, one of a tool of a team that one leads, or as an administrator anybody's."""
    if not _is_id(token_id):
        raise NotFound("there is no such token")
    token = service.revoke_token(session, user, token_id, now)
    owner = user_names(session, [token.user_id])[token.user_id]
    before = _told(TokenInfo.of(token, owner))
    record(session, actor, Change("token.revoked", "token", token_id, before=before), now)
    return Response(status_code=204)


def _is_id(text: str) -> bool:
    return text.startswith("tok_") and text.isprintable()


def _issued(request: TokenRequest, session: Session, user: Principal, now: datetime) -> service.IssuedToken:
    scope = widest(request.scopes) if request.scopes else None
    if request.tool is None and request.team is None:
        return service.create_token(
            session,
            user,
            now,
            name=request.name,
            user_name=request.user,
            scope=scope,
            expires_at=request.expires_at,
        )
    if request.tool is None or request.team is None or request.user is not None:
        hint = "give tool and team, and no user"
        raise InvalidInput([Finding(("tool",), "a tool's token is for a tool of a team", hint)])
    wanted = ToolToken(request.name, request.tool, request.team, scope, request.expires_at)
    return create_tool_token(session, user, wanted, now)


def _told(info: TokenInfo) -> dict[str, Any]:
    """Values of a token for the record of changes."""
    return info.model_dump(mode="json", include={"name", "user", "scopes", "expires_at"})
