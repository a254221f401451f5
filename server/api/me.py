"""Route of the user and scopes of the token."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from server.dependencies import CurrentUser
from tuning.people.roles import Role
from tuning.people.scopes import Scope

router = APIRouter(tags=["accounts"])


class TeamOfMe(BaseModel):
    """A team that the user is in."""

    name: str = Field(description="Its name.")
    is_lead: bool = Field(description="Whether the user leads it.")


class Me(BaseModel):
    """The user whose token was sent."""

    id: str
    name: str
    is_administrator: bool = Field(description="The user is one, and the token has the scope admin.")
    token_id: str
    scopes: list[Scope] = Field(description="All that the token may do.")
    role: Role = Field(description="viewer looks, member submits too, administrator does all.")
    teams: list[TeamOfMe] = Field(description="By name.")
    default_team: str | None = Field(description="The team of jobs that name none.")


@router.get("/me")
def show_me(user: CurrentUser) -> Me:
    """The user whose token this is."""
    usual = user.team(None)
    return Me(
        id=user.user_id,
        name=user.name,
        is_administrator=user.is_administrator,
        token_id=user.token_id,
        scopes=list(user.scope.all()),
        role=user.role,
        teams=[TeamOfMe(name=team.name, is_lead=team.is_lead) for team in user.teams],
        default_team=usual.name if usual is not None else None,
    )
