"""Every query about users and tokens."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from tuning.people.models import Membership, Team, Token, TokenKind, User

_WITH_OWNER = (
    select(Token, User, Team.id, Team.name, Membership.is_lead)
    .join(User, User.id == Token.user_id)
    .outerjoin(Membership, Membership.user_id == User.id)
    .outerjoin(Team, Team.id == Membership.team_id)
)
# Asked with every request or submission: the statements are made once.
_BY_SHA256 = _WITH_OWNER.where(Token.sha256 == bindparam("sha256")).order_by(Team.name)
_BY_IDS = _WITH_OWNER.where(Token.id.in_(bindparam("ids", expanding=True))).order_by(Token.id, Team.name)
_NAMES = select(User.id, User.name).where(User.id.in_(bindparam("ids", expanding=True)))
_SHARES = select(Team.id, Team.shares, Membership.user_id, Membership.shares).join(
    Membership, Membership.team_id == Team.id
)


@dataclass(frozen=True)
class TeamOfUser:
    """A team of a user, and whether they lead it."""

    id: str
    name: str
    is_lead: bool


@dataclass(frozen=True)
class TokenOwner:
    """A token with its user and their teams, by name."""

    token: Token
    user: User
    teams: tuple[TeamOfUser, ...]


def token_owner(session: Session, sha256: str) -> TokenOwner | None:
    """The token with this hash, with whose it is."""
    return next(_owners(session.execute(_BY_SHA256, {"sha256": sha256}).all()), None)


def token_owners(session: Session, token_ids: Iterable[str]) -> list[TokenOwner]:
    """The tokens with these ids, as far as they exist, each with whose it is."""
    wanted = list(token_ids)
    return list(_owners(session.execute(_BY_IDS, {"ids": wanted}).all())) if wanted else []


def token_versions(session: Session, token_ids: Iterable[str], now: datetime) -> dict[str, int]:
    """Of the tokens among these that hold: the version of its user, by the token's id.

    A token holds that is neither revoked nor expired, and whose user is not switched off.
    """
    wanted = list(token_ids)
    if not wanted:
        return {}
    versions = select(Token.id, User.version).join(User, User.id == Token.user_id).where(User.disabled_at.is_(None))
    return dict(session.execute(versions.where(Token.id.in_(wanted), *_holds(now))).all())


def token_by_id(session: Session, token_id: str) -> Token | None:
    """One token."""
    return session.get(Token, token_id)


def tokens_of(
    session: Session,
    user_id: str | None,
    limit: int | None = None,
    behind: Token | None = None,
    of_tools: Collection[str] = (),
) -> Sequence[tuple[Token, str]]:
    """The tokens (no sessions) that are not revoked, newest first, each with its user's name.

    Those of everybody without `user_id`.

    With a user's own those of the tools of some teams (ids in `of_tools`). At most `limit`, and only those that come
    after `behind` in this order.
    """
    query = select(Token, User.name).join(User, User.id == Token.user_id)
    query = query.where(Token.kind == TokenKind.TOKEN, Token.revoked_at.is_(None))
    if user_id is not None:
        own = Token.user_id == user_id
        tools = select(User.id).where(User.is_tool, User.default_team_id.in_(of_tools))
        query = query.where(or_(own, Token.user_id.in_(tools)) if of_tools else own)
    return _page(session, query, limit, behind)


def sessions_of(
    session: Session, user_id: str | None, now: datetime, limit: int, behind: Token | None = None
) -> Sequence[tuple[Token, str]]:
    """The sessions that hold, newest first, each with its user's name; of everybody without `user_id`.

    At most `limit`, and only those that come after `behind` in this order.
    """
    query = select(Token, User.name).join(User, User.id == Token.user_id)
    query = query.where(Token.kind == TokenKind.SESSION, User.disabled_at.is_(None), *_holds(now))
    return _page(session, query if user_id is None else query.where(Token.user_id == user_id), limit, behind)


def live_token_count(session: Session, user_id: str, now: datetime) -> int:
    """Number of a user's live tokens. Others who ask for the same user wait for this transaction's end."""
    _lock_user(session, user_id)
    own = (Token.user_id == user_id, Token.kind == TokenKind.TOKEN)
    return session.scalar(select(func.count()).where(*own, *_holds(now))) or 0


def live_session_ids(session: Session, user_id: str, now: datetime) -> Sequence[str]:
    """Ids of a user's live sessions, newest first. Others who ask for the same user wait for this transaction's end."""
    _lock_user(session, user_id)
    own = select(Token.id).where(Token.user_id == user_id, Token.kind == TokenKind.SESSION, *_holds(now))
    return session.scalars(own.order_by(Token.created_at.desc(), Token.id)).all()


def locked_token(session: Session, token_id: str, now: datetime) -> Token | None:
    """A token that holds, which nobody ends before this transaction's end."""
    return session.scalar(select(Token).where(Token.id == token_id, *_holds(now)).with_for_update())


def revoke(session: Session, token_id: str, now: datetime) -> None:
    """End a token with its sessions; the first time of each end is kept."""
    # Two statements: a session that began while the first waited for its token is seen by the second.
    for ended in (Token.id == token_id, Token.parent_id == token_id):
        session.execute(update(Token).where(ended, Token.revoked_at.is_(None)).values(revoked_at=now))


def forget_sessions(session: Session, user_id: str, before: datetime) -> None:
    """Delete a user's sessions that ended before this moment."""
    own = (Token.user_id == user_id, Token.kind == TokenKind.SESSION)
    session.execute(delete(Token).where(*own, or_(Token.revoked_at < before, Token.expires_at < before)))


def user_by_name(session: Session, name: str) -> User | None:
    """One user."""
    return session.scalar(select(User).where(User.name == name))


def teams_of_user(session: Session, user_id: str) -> tuple[TeamOfUser, ...]:
    """The teams of a user, by name."""
    rows = select(Team.id, Team.name, Membership.is_lead).join(Membership, Membership.team_id == Team.id)
    own = rows.where(Membership.user_id == user_id).order_by(Team.name)
    return tuple(TeamOfUser(*row) for row in session.execute(own))


def user_of_subject(session: Session, issuer: str, subject: str) -> User | None:
    """The user of a provider's account."""
    return session.scalar(select(User).where(User.oidc_issuer == issuer, User.oidc_subject == subject))


def user_names(session: Session, user_ids: Iterable[str]) -> dict[str, str]:
    """The names of users, by id, in one query."""
    wanted = set(user_ids)
    if not wanted:
        return {}
    rows = session.execute(_NAMES, {"ids": list(wanted)})
    return dict(rows.all())


def team_names(session: Session, team_ids: Iterable[str]) -> dict[str, str]:
    """The names of teams, by id, in one query."""
    wanted = set(team_ids)
    if not wanted:
        return {}
    return {team.id: team.name for team in session.scalars(select(Team).where(Team.id.in_(wanted)))}


def member_shares(session: Session) -> list[tuple[str, int, str, int]]:
    """(team id, its shares, user id, their shares of the team) of every membership."""
    rows = session.connection().execute(_SHARES)
    return [(team, shares, user, own) for team, shares, user, own in rows]


def _page(
    session: Session, query: Select[Token, str], limit: int | None, behind: Token | None
) -> Sequence[tuple[Token, str]]:
    if behind is not None:
        at_once = and_(Token.created_at == behind.created_at, Token.id > behind.id)
        query = query.where(or_(Token.created_at < behind.created_at, at_once))
    ordered = query.order_by(Token.created_at.desc(), Token.id).limit(limit)
    return [(token, name) for token, name in session.execute(ordered)]


def _lock_user(session: Session, user_id: str) -> None:
    session.execute(select(User.id).where(User.id == user_id).with_for_update())


def _holds(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Token.revoked_at.is_(None), Token.expires_at.is_(None) | (Token.expires_at > now)


def _owners(rows: Iterable[Row[Token, User, str, str, bool]]) -> Iterator[TokenOwner]:
    """From rows that stand together by token: one for each of its user's teams."""
    for token, own in groupby(rows, key=itemgetter(0)):
        found = list(own)
        teams = (TeamOfUser(team_id, name, is_lead) for _, _, team_id, name, is_lead in found if team_id is not None)
        yield TokenOwner(token, found[0][1], tuple(teams))
