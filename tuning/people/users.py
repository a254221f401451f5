"""Users: made, changed, switched off and on. Each function is one step of its caller's transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed, NotFound
from tuning.ids import new_id
from tuning.people.audit import Actor, Change, record
from tuning.people.directory import lock_administrators, teams_by_name, teams_of_users
from tuning.people.models import Membership, Team, Token, User
from tuning.people.queries import user_by_name
from tuning.people.roles import Role
from tuning.people.teams import MOST_TEAMS_OF_A_USER
from tuning.people.tokens import Principal

_ASK = "GET /api/v1/users lists the users"


@dataclass(frozen=True)
class NewUser:
    """A user to make; the first of the teams is the usual one unless another is named."""

    name: str
    teams: Sequence[str]
    role: Role = Role.MEMBER
    display_name: str | None = None
    email: str | None = None
    default_team: str | None = None


@dataclass(frozen=True)
class UserChange:
    """Changes of a user; None = it stays, an empty text = none."""

    role: Role | None = None
    display_name: str | None = None
    email: str | None = None
    default_team: str | None = None
    disabled: bool | None = None

    @property
    def is_own_affair(self) -> bool:
        """Whether it changes nothing but what users may change of themselves."""
        return self.role is None and self.disabled is None


def found_user(session: Session, name: str) -> User:
    """One user. Raises NotFound."""
    user = user_by_name(session, name)
    if user is None:
        raise NotFound("there is no such user", hint=_ASK)
    return user


def add_user(session: Session, actor: Actor, new: NewUser, now: datetime) -> User:
    """A new user. Raises InvalidInput for unknown teams or none, and Conflict where the name is taken."""
    teams = teams_by_name(session, new.teams)
    if wrong := [*_bad_teams(new.teams, teams), *_bad_default(new)]:
        raise InvalidInput(wrong)
    usual = teams[new.default_team or new.teams[0]]
    values = {"id": new_id("user"), "name": new.name, "role": new.role, "default_team_id": usual.id, "created_at": now}
    values |= {"display_name": new.display_name or None, "email": new.email or None}
    if not insert_if_new(session, User, values, unique=("name",)):
        raise Conflict(f"there is a user {new.name} already")
    user = found_user(session, new.name)
    session.add_all(Membership(team_id=team.id, user_id=user.id, created_at=now) for team in teams.values())
    session.flush()
    after = {**_seen(user, usual.name), "teams": sorted(teams)}
    record(session, actor, Change("user.created", "user", user.name, after=after), now)
    return user


def require_change(by: Principal, user: User, change: UserChange) -> None:
    """Raises NotAllowed for what is not theirs to change, and Conflict for what nobody does to themselves."""
    is_own = by.user_id == user.id
    if not by.is_administrator and not (is_own and change.is_own_affair):
        hint = "you may change your own display_name, email and default_team"
        raise NotAllowed("only an administrator changes users", hint=hint)
    if is_own and (change.disabled or change.role not in (None, user.role)):
        hint = "ask another administrator"
        raise Conflict("nobody changes their own role, and nobody switches themselves off", hint=hint)


def change_user(session: Session, actor: Actor, user: User, change: UserChange, now: datetime) -> None:
    """Change a user. Raises InvalidInput, and Conflict where no administrator would be left."""
    if user.is_tool and change.role not in (None, Role.MEMBER, Role.VIEWER):
        raise InvalidInput([Finding(("role",), f"{user.name} is a tool: it cannot be an administrator")])
    if user.is_administrator and (change.disabled or change.role not in (None, Role.ADMINISTRATOR)):
        require_another_administrator(session, user)
    before = _seen(user, _usual_team(session, user))
    if change.default_team is not None:
        user.default_team_id = _own_team(session, user, change.default_team).id
    if change.role is not None:
        user.role = change.role
    if change.display_name is not None:
        user.display_name = change.display_name or None
    if change.email is not None:
        user.email = change.email or None
    if change.disabled is not None and change.disabled != (user.disabled_at is not None):
        user.disabled_at = now if change.disabled else None
    after = _seen(user, _usual_team(session, user))
    if before != after:
        user.version += 1
        record(session, actor, Change(_action(before, after), "user", user.name, before, after), now)


def require_another_administrator(session: Session, user: User) -> None:
    """Raises Conflict where this is the last administrator who is not switched off."""
    if all(other.id == user.id for other in lock_administrators(session)):
        raise Conflict(f"{user.name} is the last administrator", hint="make another user an administrator first")


def forget_user(session: Session, actor: Actor, user: User, now: datetime, handed_to: str | None) -> None:
    """Delete a user with their tokens, secrets and memberships; nothing else may be theirs any more.

    Raises Conflict for the last administrator.
    """
    if user.is_administrator:
        require_another_administrator(session, user)
    before = _seen(user, _usual_team(session, user))
    after = {"handed_to": handed_to} if handed_to is not None else None
    session.execute(delete(Token).where(Token.user_id == user.id))
    session.execute(delete(User).where(User.id == user.id))
    session.expire_all()
    record(session, actor, Change("user.deleted", "user", before["name"], before, after), now)


def _bad_teams(names: Sequence[str], known: dict[str, Team]) -> Iterator[Finding]:
    if not names:
        yield Finding(("teams",), "a user is in a team", "name at least one; GET /api/v1/teams lists the teams")
    if len(set(names)) > MOST_TEAMS_OF_A_USER:
        yield Finding(("teams",), f"a user is in {MOST_TEAMS_OF_A_USER} teams at most")
    for place, name in enumerate(names):
        if name not in known:
            hint = "GET /api/v1/teams lists the teams"
            yield Finding(("teams", place), f"there is no team {name}", hint)


def _bad_default(new: NewUser) -> Iterator[Finding]:
    if new.default_team is not None and new.default_team not in new.teams:
        yield Finding(("default_team",), f"{new.name} would not be in {new.default_team}", "name one of the teams")


def _own_team(session: Session, user: User, name: str) -> Team:
    """A team that the user is in. Raises InvalidInput."""
    own = [each.team for each in teams_of_users(session, [user.id]).get(user.id, ())]
    if name not in own:
        hint = f"{user.name} is in {', '.join(own)}"
        raise InvalidInput([Finding(("default_team",), f"{user.name} is not in a team {name}", hint)])
    return teams_by_name(session, [name])[name]


def _usual_team(session: Session, user: User) -> str:
    team = session.get(Team, user.default_team_id)
    return team.name if team is not None else user.default_team_id


def _seen(user: User, usual_team: str) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "display_name": user.display_name,
        "email": user.email,
        "default_team": usual_team,
        "disabled": user.disabled_at is not None,
    }


def _action(before: dict[str, Any], after: dict[str, Any]) -> str:
    if before["disabled"] == after["disabled"]:
        return "user.changed"
    return "user.disabled" if after["disabled"] else "user.enabled"
