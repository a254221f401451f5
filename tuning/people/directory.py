"""Lists of users and teams, with who is in which: queries for pages of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, select, true
from sqlalchemy.orm import Session

from tuning.people.models import Membership, Team, User
from tuning.people.roles import Role
from tuning.people.tokens import Principal


@dataclass(frozen=True)
class MemberOf:
    """A team of a user, with their shares of it."""

    team: str
    is_lead: bool
    shares: int


@dataclass(frozen=True)
class Member:
    """A user of a team, with their shares of it."""

    name: str
    display_name: str | None
    is_lead: bool
    shares: int


@dataclass(frozen=True)
class TeamSize:
    """Number of a team's members, and the names of its leads."""

    members: int = 0
    leads: tuple[str, ...] = ()


def users_page(session: Session, limit: int, behind: str | None, text: str = "") -> Sequence[User]:
    """At most `limit` users by name, behind this name; with `text` in their name or display name, where it is given."""
    query = select(User) if behind is None else select(User).where(User.name > behind)
    if text:
        shown = func.coalesce(User.display_name, "")
        query = query.where(or_(*(name.icontains(text, autoescape=True) for name in (User.name, shown))))
    return session.scalars(query.order_by(User.name).limit(limit)).all()


def teams_page(session: Session, limit: int, behind: str | None) -> Sequence[Team]:
    """At most `limit` teams by name, behind this name."""
    query = select(Team) if behind is None else select(Team).where(Team.name > behind)
    return session.scalars(query.order_by(Team.name).limit(limit)).all()


def teams_of_users(session: Session, user_ids: Iterable[str]) -> dict[str, list[MemberOf]]:
    """The teams of some users by name, by user id."""
    columns = (Membership.user_id, Team.name, Membership.is_lead, Membership.shares)
    rows = select(*columns).join(Team, Team.id == Membership.team_id).where(Membership.user_id.in_(set(user_ids)))
    found: dict[str, list[MemberOf]] = {}
    for user_id, name, is_lead, shares in session.execute(rows.order_by(Team.name)):
        found.setdefault(user_id, []).append(MemberOf(name, is_lead, shares))
    return found


def members_of(session: Session, team_id: str) -> list[Member]:
    """The members of a team, by name."""
    columns = (User.name, User.display_name, Membership.is_lead, Membership.shares)
    rows = select(*columns).join(Membership, Membership.user_id == User.id).where(Membership.team_id == team_id)
    return [Member(*row) for row in session.execute(rows.order_by(User.name))]


def team_sizes(session: Session, team_ids: Iterable[str]) -> dict[str, TeamSize]:
    """Sizes of some teams, by team id; a team without members is missing."""
    wanted = set(team_ids)
    own = Membership.team_id.in_(wanted)
    counted = select(Membership.team_id, func.count()).where(own).group_by(Membership.team_id)
    led = select(Membership.team_id, User.name).join(User, User.id == Membership.user_id)
    leads: dict[str, tuple[str, ...]] = {}
    for team_id, name in session.execute(led.where(own, Membership.is_lead).order_by(User.name)):
        leads[team_id] = (*leads.get(team_id, ()), name)
    return {team_id: TeamSize(count, leads.get(team_id, ())) for team_id, count in session.execute(counted)}


def team_by_name(session: Session, name: str) -> Team | None:
    """One team."""
    return session.scalar(select(Team).where(Team.name == name))


def teams_by_name(session: Session, names: Iterable[str]) -> dict[str, Team]:
    """The teams of these names, as far as they exist."""
    return {team.name: team for team in session.scalars(select(Team).where(Team.name.in_(set(names))))}


def lock_administrators(session: Session) -> Sequence[User]:
    """The administrators who are not switched off, as they stay until the transaction ends."""
    acting = (User.role == Role.ADMINISTRATOR, User.disabled_at.is_(None))
    return session.scalars(select(User).where(*acting).order_by(User.id).with_for_update()).all()


def owner_is_seen(reader: Principal, owner_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Condition: what this user owns, and what belongs to no team (a data set), may be seen.

    It may by its owner, and by whoever may see the jobs of one of the owner's teams.
    """
    if reader.sees_all:
        return true()
    in_seen_team = select(Membership.user_id).where(Membership.team_id.in_(reader.seen_teams))
    return or_(owner_id == reader.user_id, owner_id.in_(in_seen_team))
