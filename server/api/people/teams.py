"""Teams with their shares and members: listed, made, changed, deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from server.answers.people import shown_team, team_summaries
from server.api.pages import DEFAULT_LIMIT, Fields, Limit, Page, with_fields
from server.api.people.users import NameInPath, TeamName, UserName
from server.dependencies import ActorDep, CurrentUser, NowDep, SessionDep
from server.http.errors.problems import responses
from server.schemas.people import OF_THE_LAB, TeamJson, TeamSummary
from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed
from tuning.jobs.queries.requests import has_jobs_of_team
from tuning.people import teams as service
from tuning.people.audit import Actor
from tuning.people.directory import teams_page
from tuning.people.models import Team
from tuning.people.queries import user_by_name
from tuning.people.teams import MOST_SHARES, TEAM_NAME
from tuning.people.users import found_user

router = APIRouter(prefix="/teams", tags=["accounts"])

Shares = Annotated[int, Field(ge=0, le=MOST_SHARES)]
TeamAfter = Annotated[
    str | None, Query(max_length=64, pattern=TEAM_NAME, description="The `next` of the page before, a team's name.")
]


class MemberRequest(BaseModel):
    """Place of a user in a team; what is left out stays, and is usual for a new one: one share, no lead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shares: Shares | None = Field(default=None, description="Of what the team has, beside those of its other members.")
    is_lead: bool | None = Field(default=None, description="Leads change their team's members. For administrators.")


class NewMember(MemberRequest):
    """A first member of a new team."""

    name: UserName = Field(description="The user's name.")


class TeamRequest(BaseModel):
    """A team to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: TeamName = Field(description="Never changed.")
    shares: Shares = Field(default=1, description=OF_THE_LAB)
    members: list[NewMember] = Field(
        default_factory=list, max_length=service.MOST_MEMBERS, description="Its first members."
    )


class TeamChange(BaseModel):
    """A change of a team."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shares: Shares = Field(description=OF_THE_LAB)


@router.get("", response_model=Page[TeamSummary])
def list_teams(
    session: SessionDep,
    _user: CurrentUser,
    limit: Limit = DEFAULT_LIMIT,
    after: TeamAfter = None,
    fields: Fields = None,
) -> Page[TeamSummary] | Response:
    """All teams, by name."""
    found = teams_page(session, limit + 1, after)
    has_more = len(found) > limit
    shown = team_summaries(session, found[:limit])
    page = Page[TeamSummary](data=shown, has_more=has_more, next=found[limit - 1].name if has_more else None)
    return with_fields(page, TeamSummary, fields)


@router.post("", status_code=201, responses=responses(409))
def create_team(
    request: TeamRequest, session: SessionDep, actor: ActorDep, now: NowDep, response: Response
) -> TeamJson:
    """Make a team. For administrators."""
    team = service.add_team(session, actor, request.name, request.shares, now)
    _add_members(session, actor, team, request.members, now)
    response.headers["Location"] = f"/api/v1/teams/{team.name}"
    return shown_team(session, team)


@router.get("/{name}", responses=responses(404))
def show_team(name: NameInPath, session: SessionDep, _user: CurrentUser) -> TeamJson:
    """One team, with its members."""
    return shown_team(session, service.found_team(session, name))


@router.patch("/{name}", responses=responses(404))
def change_team(name: NameInPath, change: TeamChange, session: SessionDep, actor: ActorDep, now: NowDep) -> TeamJson:
    """Give a team other shares. For administrators."""
    team = service.found_team(session, name)
    service.change_shares(session, actor, team, change.shares, now)
    return shown_team(session, team)


@router.delete("/{name}", status_code=204, responses=responses(404, 409))
def delete_team(name: NameInPath, session: SessionDep, actor: ActorDep, now: NowDep) -> Response:
    """Delete a team that has no jobs; its members stay users. For administrators."""
    team = service.found_team(session, name)
    if has_jobs_of_team(session, team.id):
        hint = "its jobs are its history: give it 0 shares and take its members out"
        raise Conflict(f"the team {team.name} has jobs", hint=hint)
    service.delete_team(session, actor, team, now)
    return Response(status_code=204)


@router.put("/{name}/members/{user_name}", responses=responses(404, 409))
def set_member(
    name: NameInPath,
    user_name: str,
    request: MemberRequest,
    session: SessionDep,
    user: CurrentUser,
    actor: ActorDep,
    now: NowDep,
) -> TeamJson:
    """Put a user into a team, or give a member other shares. For leads of the team and administrators."""
    team = service.found_team(session, name)
    service.require_lead(user, team)
    if request.is_lead is not None and not user.is_administrator:
        raise NotAllowed("only an administrator makes leads")
    member = found_user(session, user_name if user_name.isprintable() else "")
    service.set_member(session, actor, team, member, now, **request.model_dump(exclude_none=True))
    return shown_team(session, team)


@router.delete("/{name}/members/{user_name}", status_code=204, responses=responses(404, 409))
def remove_member(
    name: NameInPath, user_name: str, session: SessionDep, user: CurrentUser, actor: ActorDep, now: NowDep
) -> Response:
    """Take a user out of a team; their jobs stay the team's. For leads of the team and administrators."""
    team = service.found_team(session, name)
    service.require_lead(user, team)
    member = found_user(session, user_name if user_name.isprintable() else "")
    service.remove_member(session, actor, team, member, now)
    return Response(status_code=204)


def _add_members(session: Session, actor: Actor, team: Team, members: Sequence[NewMember], now: datetime) -> None:
    for place, member in enumerate(members):
        found = user_by_name(session, member.name)
        if found is None:
            raise InvalidInput([Finding(("members", place, "name"), f"there is no user {member.name}")])
        given = member.model_dump(exclude_none=True, exclude={"name"})
        service.set_member(session, actor, team, found, now, **given)
