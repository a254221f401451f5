"""Every query about users and tokens."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from tuning.people.models import Membership, Team, Token, User

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
    """The tokens that are not revoked, newest first, each with its user's name; of everybody without `user_id`.

    With a user's own those of the tools of some teams (ids in `of_tools`). At most `limit`, and only those that come
    after `behind` in this order.
    """
    query = select(Token, User.name).join(User, User.id == Token.user_id).where(Token.revoked_at.is_(None))
    if user_id is not None:
        own = Token.user_id == user_id
        tools = select(User.id).where(User.is_tool, User.default_team_id.in_(of_tools))
        query = query.where(or_(own, Token.user_id.in_(tools)) if of_tools else own)
    if behind is not None:
        at_once = and_(Token.created_at == behind.created_at, Token.id > behind.id)
        query = query.where(or_(Token.created_at < behind.created_at, at_once))
    ordered = query.order_by(Token.created_at.desc(), Token.id).limit(limit)
    return [(token, name) for token, name in session.execute(ordered)]


def live_token_count(session: Session, user_id: str, now: datetime) -> int:
    """Number of a user's live tokens. Others who ask for the same user wait for this transaction's end."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    return session.scalar(select(func.count()).where(Token.user_id == user_id, *_holds(now))) or 0


def revoke(session: Session, token_id: str, now: datetime) -> None:
    """End a token; the first time of its end is kept."""
    session.execute(update(Token).where(Token.id == token_id, Token.revoked_at.is_(None)).values(revoked_at=now))


def user_by_name(session: Session, name: str) -> User | None:
    """One user."""
    return session.scalar(select(User).where(User.name == name))


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
    columns = (Team.id, Team.shares, Membership.user_id, Membership.shares)
    rows = session.connection().execute(select(*columns).join(Membership, Membership.team_id == Team.id))
    return [(team, shares, user, own) for team, shares, user, own in rows]


def _holds(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Token.revoked_at.is_(None), Token.expires_at.is_(None) | (Token.expires_at > now)


def _owners(rows: Iterable[Row[Token, User, str, str, bool]]) -> Iterator[TokenOwner]:
    """From rows that stand together by token: one for each of its user's teams."""
    for token, own in groupby(rows, key=itemgetter(0)):
        found = list(own)
        teams = (TeamOfUser(team_id, name, is_lead) for _, _, team_id, name, is_lead in found if team_id is not None)
        yield TokenOwner(token, found[0][1], tuple(teams))
