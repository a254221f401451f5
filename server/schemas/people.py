"""Users and teams as answers show them."""

from datetime import datetime

from pydantic import BaseModel, Field

from tuning.people.roles import Role

ROLES = "viewer looks, member submits too, administrator does all."
OF_THE_LAB = "Of the lab's GPU time, beside the shares of the other teams; 0 = only what no other team wants."


class TeamOf(BaseModel):
    """A team of a user."""

    name: str = Field(description="Its name.")
    is_lead: bool = Field(description="Whether the user leads it.")
    shares: int = Field(description="The user's shares of what the team has.")


class UserJson(BaseModel):
    """A user: a person, or a tool of a team."""

    name: str = Field(description="The user's name.")
    display_name: str | None = Field(description="What people call them.")
    email: str | None = Field(description="Shown to the user and to administrators only.")
    role: Role = Field(description=ROLES)
    is_tool: bool = Field(description="A service rather than a person; it belongs to one team.")
    teams: list[TeamOf] = Field(description="By name.")
    default_team: str = Field(description="The team of jobs that name none.")
    disabled: bool = Field(description="Switched off: its tokens do not hold.")
    created_at: datetime


class MemberJson(BaseModel):
    """A member of a team."""

    name: str = Field(description="The user's name.")
    display_name: str | None = Field(description="What people call them.")
    shares: int = Field(description="The user's shares of what the team has.")
    is_lead: bool = Field(description="Whether they lead the team.")


class TeamSummary(BaseModel):
    """A team, as a list shows it."""

    name: str = Field(description="Its name.")
    shares: int = Field(description=OF_THE_LAB)
    leads: list[str] = Field(description="The names of its leads.")
    member_count: int = Field(description="How many users are in it.")
    created_at: datetime


class TeamJson(TeamSummary):
    """A team with its members."""

    members: list[MemberJson] = Field(description="By name.")
