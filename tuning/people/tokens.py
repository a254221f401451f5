"""Users, and the bearer tokens that stand for them."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed, NotAuthenticated, NotFound
from tuning.ids import new_id, new_secret
from tuning.people import queries
from tuning.people.audit import Change, operator, record
from tuning.people.models import LAB_TEAM_ID, Membership, Token, TokenKind, User
from tuning.people.queries import TeamOfUser, TokenOwner
from tuning.people.roles import Role, Visibility
from tuning.people.scopes import Scope, narrowest, usual_scope

MOST_TOKENS = 100
"""Of one person, at once, that are made over the API."""
TOKEN_PREFIX = "pt_"  # noqa: S105 - no secret: by it people and leak scanners recognise a token
USER_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
_REFUSED = "this token is unknown, expired or revoked"


@dataclass(frozen=True)
class Principal:
    """User, token and scope of a request."""

    user_id: str
    name: str
    token_id: str
    scope: Scope
    default_team_id: str = LAB_TEAM_ID
    teams: tuple[TeamOfUser, ...] = ()
    """By name."""
    role: Role = Role.MEMBER
    version: int = 1
    """The user's, as it was when this was read."""
    visible: Visibility = Visibility.EVERYBODY
    """Jobs and data of others that members see on this server."""

    @property
    def is_administrator(self) -> bool:
        """Whether an administrator asks, with a token that may act as one."""
        return self.scope is Scope.ADMIN

    @property
    def led_teams(self) -> frozenset[str]:
        """Ids of the teams that the user leads."""
        return frozenset(team.id for team in self.teams if team.is_lead)

    @property
    def sees_all(self) -> bool:
        """Whether everybody's jobs and data may be seen."""
        return self.visible is Visibility.EVERYBODY or self.is_administrator

    @property
    def seen_teams(self) -> frozenset[str]:
        """Ids of the teams of whose jobs and data all may be seen."""
        if self.visible is Visibility.OWN:
            return self.led_teams
        return frozenset(team.id for team in self.teams)

    def may_see(self, owner_id: str, team_id: str) -> bool:
        """Whether a job of this owner and team may be seen, with all that belongs to it."""
        return self.sees_all or self.user_id == owner_id or team_id in self.seen_teams

    def may_see_named(self, owner: str, team: str) -> bool:
        """The same by the names of owner and team."""
        return (
            self.sees_all
            or self.name == owner
            or any(its.name == team and its.id in self.seen_teams for its in self.teams)
        )

    def may_change(self, owner_id: str, team_id: str | None = None) -> bool:
        """Whether a thing may be changed: by its owner, leads of its team (None: it has none), administrators."""
        return self.is_administrator or self.user_id == owner_id or team_id in self.led_teams

    def team(self, name: str | None) -> TeamOfUser | None:
        """The user's team of this name, by default their usual one; None where they are in no such team."""
        if name is None:
            usual = (team for team in self.teams if team.id == self.default_team_id)
            return next(usual, next(iter(self.teams), None))
        return next((team for team in self.teams if team.name == name), None)


@dataclass(frozen=True)
class TokenPage:
    """A part of the list; `next_cursor` leads to the rest."""

    tokens: Sequence[tuple[Token, str]]
    """Each with its user's name."""
    next_cursor: str | None


@dataclass(frozen=True)
class IssuedToken:
    """A new token: the only moment at which its text is known."""

    token: Token
    user_name: str
    text: str
    is_new_user: bool = False
    """Its user was made for it."""


def token_sha256(text: str) -> str:
    """SHA-256 of a token's text, as the database keeps it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def authenticate(session: Session, text: str, now: datetime, visible: Visibility = Visibility.EVERYBODY) -> Principal:
    """Principal of a token, who sees of others what the server lets members see (`visible`).

    Raises NotAuthenticated with one sentence, whatever is wrong with it.
    """
    sha256 = token_sha256(text)
    found = queries.token_owner(session, sha256)
    if found is None:
        raise NotAuthenticated(_REFUSED, hint="ask an administrator for a new one")
    token, user = found.token, found.user
    # The index finds by hash, so its timing tells nothing of a token; the comparison is exact and constant in time.
    if not hmac.compare_digest(token.sha256, sha256) or not is_valid(token, now) or user.disabled_at is not None:
        raise NotAuthenticated(_REFUSED, hint="ask an administrator for a new one")
    return principal_of(found, visible)


def principal_of(found: TokenOwner, visible: Visibility) -> Principal:
    """Principal of a token that holds."""
    token, user = found.token, found.user
    scope = narrowest(token.scope, usual_scope(user.role))
    known = (user.default_team_id, found.teams, user.role, user.version, visible)
    return Principal(user.id, user.name, token.id, scope, *known)


def is_valid(token: Token, now: datetime) -> bool:
    """Neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def create_token(
    session: Session,
    principal: Principal,
    now: datetime,
    *,
    name: str,
    user_name: str | None = None,
    scope: Scope | None = None,
    expires_at: datetime | None = None,
) -> IssuedToken:
    """A token for oneself; an administrator's may be for anybody, who is made when new.

    Without `scope` it is the usual one, but no token makes one that may do more than itself.
    Raises NotAllowed, InvalidInput, Conflict when that person has too many.
    """
    check_end(expires_at, now)
    if scope is not None and not principal.scope.includes(scope):
        hint = f"leave it out, or ask for {principal.scope} at most"
        raise NotAllowed(f"your own token has no scope {scope}, so it cannot give it", hint=hint)
    if user_name is None or user_name == principal.name:
        _refuse_too_many(session, principal.user_id, principal.name, now)
        return _issue(session, principal.user_id, principal.name, name, now, expires_at, scope or principal.scope)
    if not principal.is_administrator:
        raise NotAllowed("only an administrator makes tokens for others")
    known = queries.user_by_name(session, user_name)
    user = known or _add_user(session, user_name, now, Role.MEMBER)
    issued = issue_for(session, user, now, name=name, scope=scope, expires_at=expires_at)
    return replace(issued, is_new_user=known is None)


def check_end(expires_at: datetime | None, now: datetime) -> None:
    """Raises InvalidInput for an end that is past."""
    if expires_at is not None and expires_at <= now:
        raise InvalidInput([Finding(("expires_at",), "this time is past: the token would never work")])


def issue_for(
    session: Session, user: User, now: datetime, *, name: str, scope: Scope | None, expires_at: datetime | None
) -> IssuedToken:
    """A token of a user for whom the caller may make it. Raises InvalidInput, and Conflict for too many."""
    if user.disabled_at is not None:
        raise Conflict(f"{user.name} is switched off", hint="an administrator can switch the user on again")
    _refuse_too_many(session, user.id, user.name, now)
    return _issue(session, user.id, user.name, name, now, expires_at, _scope_for(user, scope))


def create_operator_token(
    session: Session,
    *,
    user_name: str,
    name: str,
    now: datetime,
    is_administrator: bool,
    scope: Scope | None = None,
    expires_at: datetime | None = None,
) -> str:
    """The text of a token made by whoever holds the database itself; a new user is made when there is none.

    Raises InvalidInput when the name does not hold, or when the user is there and is not what was asked for.
    """
    if not re.fullmatch(USER_NAME, user_name):
        hint = "letters, digits and . _ @ -, at most 100, a letter or digit first"
        raise InvalidInput([Finding(("user",), f"{user_name[:100]!r} cannot be a user's name", hint)])
    user = queries.user_by_name(session, user_name)
    if user is None:
        user = _add_user(session, user_name, now, Role.ADMINISTRATOR if is_administrator else Role.MEMBER)
        record(session, operator(), Change("user.created", "user", user_name, after={"role": user.role.value}), now)
    if is_administrator and not user.is_administrator:
        raise InvalidInput([Finding(("user",), f"{user_name} is no administrator", "choose another name")])
    issued = _issue(session, user.id, user.name, name, now, expires_at, _scope_for(user, scope))
    made = {"name": name, "user": user_name, "scope": issued.token.scope.value}
    record(session, operator(), Change("token.created", "token", issued.token.id, after=made), now)
    return issued.text


def ensure_user(session: Session, name: str, now: datetime) -> User:
    """The user of this name; an ordinary one is made when there is none. Raises InvalidInput for what is no name."""
    if not re.fullmatch(USER_NAME, name):
        hint = "letters, digits and . _ @ -, at most 100, a letter or digit first"
        raise InvalidInput([Finding(("user",), f"{name[:100]!r} cannot be a user's name", hint)])
    return queries.user_by_name(session, name) or _add_user(session, name, now, Role.MEMBER)


def visible_tokens(session: Session, principal: Principal, limit: int, after: str | None) -> TokenPage:
    """Tokens that may be ended: one's own, those of tools of teams that one leads, for administrators everybody's.

    Those that are not revoked, newest first. Raises InvalidInput for a cursor that was never given out.
    """
    behind = queries.token_by_id(session, after) if after is not None else None
    if after is not None and (behind is None or not _may_end(session, principal, behind)):
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    owner = None if principal.is_administrator else principal.user_id
    found = queries.tokens_of(session, owner, limit + 1, behind, principal.led_teams)
    return TokenPage(found[:limit], found[limit - 1][0].id if len(found) > limit else None)


def revoke_token(session: Session, principal: Principal, token_id: str, now: datetime) -> Token:
    """End one's own token, or one of a tool of a team that one leads, or as an administrator anybody's.

    Raises NotFound.
    """
    token = queries.token_by_id(session, token_id)
    is_there = token is not None and token.kind is TokenKind.TOKEN and token.revoked_at is None
    if token is None or not is_there or not _may_end(session, principal, token):
        raise NotFound(f"there is no token {token_id}")
    queries.revoke(session, token_id, now)
    return token


def _may_end(session: Session, principal: Principal, token: Token) -> bool:
    user = session.get_one(User, token.user_id)
    return principal.may_change(user.id, user.default_team_id if user.is_tool else None)


def _refuse_too_many(session: Session, user_id: str, user_name: str, now: datetime) -> None:
    if queries.live_token_count(session, user_id, now) < MOST_TOKENS:
        return
    hint = "end one that nobody uses any more: DELETE /api/v1/tokens/{id}"
    raise Conflict(f"{user_name} has {MOST_TOKENS} tokens that hold, and no more are given out", hint=hint)


def _add_user(session: Session, name: str, now: datetime, role: Role) -> User:
    values = {"id": new_id("user"), "name": name, "role": role, "created_at": now}
    insert_if_new(session, User, values, unique=("name",))
    user = queries.user_by_name(session, name)
    if user is None:
        raise Conflict(f"the user {name} was made and removed at the same moment", hint="try again")
    membership = {"team_id": user.default_team_id, "user_id": user.id, "created_at": now}
    insert_if_new(session, Membership, membership, unique=("team_id", "user_id"))
    return user


def _scope_for(user: User, wanted: Scope | None) -> Scope:
    most = usual_scope(user.role)
    if wanted is not None and not most.includes(wanted):
        hint = f"{most} is the most that a token of an ordinary user can have"
        raise InvalidInput([Finding(("scopes",), f"{user.name} is no administrator", hint)])
    return wanted or most


def _issue(
    session: Session,
    user_id: str,
    user_name: str,
    name: str,
    now: datetime,
    expires_at: datetime | None,
    scope: Scope,
) -> IssuedToken:
    text = TOKEN_PREFIX + new_secret()
    token = Token(id=new_id("tok"), user_id=user_id, name=name, sha256=token_sha256(text), scope=scope, created_at=now)
    token.expires_at = expires_at
    session.add(token)
    return IssuedToken(token, user_name, text)
