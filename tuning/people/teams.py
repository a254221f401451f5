"""Teams and their members: made, changed, deleted. Each function is one step of its caller's transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed, NotFound
from tuning.ids import new_id
from tuning.people.audit import Actor, Change, record
from tuning.people.directory import team_by_name
from tuning.people.models import LAB_TEAM_ID, Membership, Team, User
from tuning.people.tokens import Principal

TEAM_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MOST_SHARES = 1_000_000
MOST_TEAMS = 1_000
MOST_TEAMS_OF_A_USER = 20
"""Lists of jobs walk the teams of whoever asks one by one (tuning.jobs.search)."""
MOST_MEMBERS = 1_000
_SHOWN = 5


def found_team(session: Session, name: str) -> Team:
    """One team. Raises NotFound."""
    team = team_by_name(session, name)
    if team is None:
        raise NotFound("there is no such team", hint="GET /api/v1/teams lists the teams")
    return team


def require_lead(user: Principal, team: Team) -> None:
    """Raises NotAllowed unless an administrator asks, or a lead of the team."""
    if not user.is_administrator and team.id not in user.led_teams:
        raise NotAllowed(f"you do not lead the team {team.name}", hint="its leads and administrators change it")


def check_shares(shares: int) -> list[Finding]:
    """Findings about shares that are no share."""
    if 0 <= shares <= MOST_SHARES:
        return []
    return [Finding(("shares",), f"shares are 0 to {MOST_SHARES:,}, not {shares}", "0 = only what nobody else wants")]


def add_team(session: Session, actor: Actor, name: str, shares: int, now: datetime) -> Team:
    """A new team, without members. Raises InvalidInput, Conflict."""
    if wrong := check_shares(shares):
        raise InvalidInput(wrong)
    if (session.scalar(select(func.count()).select_from(Team)) or 0) >= MOST_TEAMS:
        raise Conflict(f"there are {MOST_TEAMS} teams already", hint="delete those that nobody uses")
    values = {"id": new_id("team"), "name": name, "shares": shares, "created_at": now}
    if not insert_if_new(session, Team, values, unique=("name",)):
        raise Conflict(f"there is a team {name} already")
    record(session, actor, Change("team.created", "team", name, after={"shares": shares}), now)
    return found_team(session, name)


def change_shares(session: Session, actor: Actor, team: Team, shares: int, now: datetime) -> None:
    """Other shares of the lab for a team. Raises InvalidInput."""
    if wrong := check_shares(shares):
        raise InvalidInput(wrong)
    if shares == team.shares:
        return
    before, team.shares = {"shares": team.shares}, shares
    record(session, actor, Change("team.changed", "team", team.name, before, {"shares": shares}), now)


def delete_team(session: Session, actor: Actor, team: Team, now: datetime) -> None:
    """Delete a team that has no jobs, which its caller has seen to. Raises Conflict."""
    if team.id == LAB_TEAM_ID:
        raise Conflict(f"{team.name} is the team of users who are put into no other", hint="it may have 0 shares")
    _lock(session, team)
    if alone := _in_no_other(session, team):
        names = ", ".join(alone[:_SHOWN]) + (" and others" if len(alone) > _SHOWN else "")
        raise Conflict(f"{names} would be in no team", hint="put them into another team first")
    for user in session.scalars(select(User).join(Membership).where(Membership.team_id == team.id)).all():
        _take_out(session, team, user)
    session.delete(team)
    session.flush()
    record(session, actor, Change("team.deleted", "team", team.name, before={"shares": team.shares}), now)


def set_member(
    session: Session, actor: Actor, team: Team, user: User, now: datetime, **wanted: int | bool
) -> Membership:
    """A member with `shares` and `is_lead`: a new one, or one who is there; what is left out stays, or is usual.

    Raises InvalidInput, Conflict.
    """
    if wrong := check_shares(wanted.get("shares", 1)):
        raise InvalidInput(wrong)
    _lock(session, team)
    membership = session.get(Membership, (team.id, user.id))
    before = _seen(membership) if membership is not None else None
    if membership is None:
        _require_room(session, team, user)
        membership = Membership(team_id=team.id, user_id=user.id, shares=1, is_lead=False, created_at=now)
        session.add(membership)
    for name, value in wanted.items():
        setattr(membership, name, value)
    if before != _seen(membership):
        user.version += 1
        record(session, actor, _member_change("set", team, user, before, _seen(membership)), now)
    session.flush()
    return membership


def remove_member(session: Session, actor: Actor, team: Team, user: User, now: datetime) -> None:
    """Take a user out of a team; the jobs that they made in it stay in it. Raises NotFound, Conflict."""
    _lock(session, team)
    membership = session.get(Membership, (team.id, user.id))
    if membership is None:
        raise NotFound(f"{user.name} is not in the team {team.name}")
    if user.is_tool:
        raise Conflict(
            f"{user.name} is a tool of {team.name}, and of no other team", hint="switch it off, or delete it"
        )
    if team_count(session, user) == 1:
        raise Conflict(f"{user.name} would be in no team", hint="put them into another team first")
    record(session, actor, _member_change("removed", team, user, _seen(membership), None), now)
    _take_out(session, team, user)


def team_count(session: Session, user: User) -> int:
    """Number of a user's teams."""
    return session.scalar(select(func.count()).where(Membership.user_id == user.id)) or 0


def _lock(session: Session, team: Team) -> None:
    """Let others who change the team's members wait for this transaction's end."""
    session.execute(update(Team).where(Team.id == team.id).values(shares=Team.shares))


def _require_room(session: Session, team: Team, user: User) -> None:
    if user.is_tool:
        raise Conflict(f"{user.name} is a tool, which has one team", hint="make another tool for this team")
    if team_count(session, user) >= MOST_TEAMS_OF_A_USER:
        raise Conflict(f"{user.name} is in {MOST_TEAMS_OF_A_USER} teams already", hint="take them out of one first")
    if (session.scalar(select(func.count()).where(Membership.team_id == team.id)) or 0) >= MOST_MEMBERS:
        raise Conflict(f"the team {team.name} has {MOST_MEMBERS} members already", hint="make another team")


def _in_no_other(session: Session, team: Team) -> list[str]:
    """Names of the members who are in no other team."""
    others = select(Membership.user_id).where(Membership.team_id != team.id)
    alone = select(User.name).join(Membership, Membership.user_id == User.id).where(Membership.team_id == team.id)
    return list(session.scalars(alone.where(User.id.not_in(others)).order_by(User.name).limit(_SHOWN + 1)))


def _take_out(session: Session, team: Team, user: User) -> None:
    """Without the membership, and with another usual team where this was it."""
    session.delete(session.get_one(Membership, (team.id, user.id)))
    session.flush()
    user.version += 1
    if user.default_team_id == team.id:
        others = select(Team.id).join(Membership, Membership.team_id == Team.id)
        left = others.where(Membership.user_id == user.id).order_by(Team.name).limit(1)
        user.default_team_id = session.scalars(left).one()
    session.flush()


def _seen(membership: Membership) -> dict[str, Any]:
    return {"shares": membership.shares, "is_lead": membership.is_lead}


def _member_change(
    what: str, team: Team, user: User, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Change:
    named = {"user": user.name}
    return Change(
        f"member.{what}", "team", team.name, before and {**named, **before}, {**named, **after} if after else None
    )
