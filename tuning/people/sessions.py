"""Sessions of browsers: begun at a sign-in, listed, ended. Each is a row beside the tokens, and holds as one does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tuning.errors import Finding, InvalidInput, NotAuthenticated, NotFound
from tuning.ids import new_id, new_secret
from tuning.people import queries
from tuning.people.audit import Actor, Change, record
from tuning.people.models import MOST_ADDRESS, MOST_USER_AGENT, SignInWay, Token, TokenKind
from tuning.people.tokens import Principal, token_sha256
from tuning.storable import storable_line

MOST_SESSIONS = 20
"""Of one person at once: where one more begins, the oldest ends."""
SESSION_PREFIX = "ps_"
_KEPT_AFTER_END = timedelta(days=30)
"""The record of changes keeps beginning and end for good."""


@dataclass(frozen=True)
class SessionPage:
    """A part of the list; `next_cursor` leads to the rest."""

    sessions: Sequence[tuple[Token, str]]
    """Each with its user's name."""
    next_cursor: str | None


@dataclass(frozen=True)
class SignIn:
    """Way in which a browser showed whose it is, from where, and as what it describes itself."""

    way: SignInWay
    address: str
    user_agent: str


@dataclass(frozen=True)
class BegunSession:
    """A new session: the only moment at which its text is known."""

    id: str
    text: str
    ends_at: datetime


def is_session_text(text: str) -> bool:
    """Whether a text is that of a session, not that of a token: each is issued with a prefix of its own."""
    return text.startswith(SESSION_PREFIX)


def begin_session(
    session: Session, principal: Principal, sign_in: SignIn, now: datetime, seconds: float
) -> BegunSession:
    """A session of somebody who just signed in; by a token it may do no more than that one, and ends with it.

    Raises NotAuthenticated where the token ended meanwhile.
    """
    parent = _parent(session, principal, now) if sign_in.way is SignInWay.TOKEN else None
    ends_at = now + timedelta(seconds=seconds)
    if parent is not None and parent.expires_at is not None:
        ends_at = min(ends_at, parent.expires_at)
    _make_room(session, principal, now)
    text = SESSION_PREFIX + new_secret()
    begun = Token(id=new_id("ses"), user_id=principal.user_id, name=sign_in.way.value, sha256=token_sha256(text))
    begun.scope, begun.created_at, begun.expires_at = principal.scope, now, ends_at
    begun.kind, begun.signed_in_by = TokenKind.SESSION, sign_in.way
    begun.parent_id = parent.id if parent is not None else None
    begun.address, begun.user_agent = (
        storable_line(sign_in.address, MOST_ADDRESS),
        storable_line(sign_in.user_agent, MOST_USER_AGENT),
    )
    session.add(begun)
    session.flush()
    told = {"user": principal.name, "signed_in_by": sign_in.way.value, "token_id": begun.parent_id}
    actor = Actor(principal.name, begun.parent_id, sign_in.address)
    record(session, actor, Change("session.begun", "session", begun.id, after=told), now)
    return BegunSession(begun.id, text, ends_at)


def visible_sessions(
    session: Session, principal: Principal, now: datetime, limit: int, after: str | None
) -> SessionPage:
    """Sessions that hold and may be ended: one's own, for administrators everybody's. Newest first.

    Raises InvalidInput for a cursor that was never given out.
    """
    behind = _own_session(session, principal, after) if after is not None else None
    if after is not None and behind is None:
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    owner = None if principal.is_administrator else principal.user_id
    found = queries.sessions_of(session, owner, now, limit + 1, behind)
    return SessionPage(found[:limit], found[limit - 1][0].id if len(found) > limit else None)


def end_session(session: Session, by: Principal, actor: Actor, session_id: str, now: datetime) -> SignInWay | None:
    """End one's own session, or as an administrator anybody's; the way it was begun by. Raises NotFound."""
    found = _own_session(session, by, session_id)
    if found is None or found.revoked_at is not None:
        raise NotFound(f"there is no session {session_id}", hint="GET /api/v1/sessions lists yours")
    queries.revoke(session, session_id, now)
    owner = queries.user_names(session, [found.user_id])[found.user_id]
    record(session, actor, Change("session.ended", "session", session_id, before={"user": owner}), now)
    return found.signed_in_by


def _parent(session: Session, principal: Principal, now: datetime) -> Token:
    token = queries.locked_token(session, principal.token_id, now)
    if token is None or token.kind is not TokenKind.TOKEN:
        raise NotAuthenticated("this token was revoked, or it expired", hint="sign in with another one")
    return token


def _make_room(session: Session, principal: Principal, now: datetime) -> None:
    for session_id in queries.live_session_ids(session, principal.user_id, now)[MOST_SESSIONS - 1 :]:
        queries.revoke(session, session_id, now)
        before = {"user": principal.name, "reason": f"more than {MOST_SESSIONS} sessions"}
        record(session, Actor(principal.name), Change("session.ended", "session", session_id, before=before), now)
    queries.forget_sessions(session, principal.user_id, now - _KEPT_AFTER_END)


def _own_session(session: Session, principal: Principal, session_id: str) -> Token | None:
    """A session that may be ended, or has been."""
    found = queries.token_by_id(session, session_id)
    if found is None or found.kind is not TokenKind.SESSION or not principal.may_change(found.user_id):
        return None
    return found
