"""Tokens of tools: services that belong to one team, and whose jobs are the team's."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.db.engine import insert_if_new
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed
from tuning.ids import new_id
from tuning.people.directory import team_by_name
from tuning.people.models import Membership, Team, User
from tuning.people.queries import user_by_name
from tuning.people.scopes import Scope
from tuning.people.teams import require_lead
from tuning.people.tokens import USER_NAME, IssuedToken, Principal, check_end, issue_for


@dataclass(frozen=True)
class ToolToken:
    """A token that is wanted for a tool of a team."""

    name: str
    tool: str
    team: str
    scope: Scope | None = None
    expires_at: datetime | None = None


def create_tool_token(session: Session, principal: Principal, wanted: ToolToken, now: datetime) -> IssuedToken:
    """A token of a tool, which is made when new. For leads of the team and administrators.

    Raises InvalidInput for an unknown team and where the name is somebody else's, NotAllowed, Conflict.
    """
    check_end(wanted.expires_at, now)
    team = team_by_name(session, wanted.team)
    if team is None:
        raise InvalidInput([Finding(("team",), f"there is no team {wanted.team}", "GET /api/v1/teams lists the teams")])
    require_lead(principal, team)
    if wanted.scope is not None and not principal.scope.includes(wanted.scope):
        raise NotAllowed(f"your own token has no scope {wanted.scope}, so it cannot give it")
    known = user_by_name(session, wanted.tool)
    tool = known or _add_tool(session, wanted.tool, team, now)
    if not tool.is_tool or tool.default_team_id != team.id:
        hint = "choose another name for the tool"
        raise InvalidInput([Finding(("tool",), f"{tool.name} is no tool of the team {team.name}", hint)])
    issued = issue_for(session, tool, now, name=wanted.name, scope=wanted.scope, expires_at=wanted.expires_at)
    return replace(issued, is_new_user=known is None)


def _add_tool(session: Session, name: str, team: Team, now: datetime) -> User:
    if not re.fullmatch(USER_NAME, name):
        hint = "letters, digits and . _ @ -, at most 100, a letter or digit first"
        raise InvalidInput([Finding(("tool",), f"{name[:100]!r} cannot be a tool's name", hint)])
    values = {"id": new_id("user"), "name": name, "is_tool": True, "default_team_id": team.id, "created_at": now}
    insert_if_new(session, User, values, unique=("name",))
    tool = user_by_name(session, name)
    if tool is None:
        raise Conflict(f"the tool {name} was made and removed at the same moment", hint="try again")
    if tool.is_tool:
        membership = {"team_id": team.id, "user_id": tool.id, "created_at": now}
        insert_if_new(session, Membership, membership, unique=("team_id", "user_id"))
    return tool
