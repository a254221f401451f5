"""Users and teams as answers show them: with their teams, sizes and members."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from server.schemas.people import MemberJson, TeamJson, TeamOf, TeamSummary, UserJson
from tuning.people.directory import MemberOf, TeamSize, members_of, team_sizes, teams_of_users
from tuning.people.models import Team, User
from tuning.people.queries import team_names
from tuning.people.tokens import Principal


def shown_users(session: Session, users: Iterable[User], reader: Principal) -> list[UserJson]:
    """Users with their teams; their mail addresses for themselves and administrators only."""
    rows = list(users)
    teams = teams_of_users(session, [row.id for row in rows])
    usual = team_names(session, [row.default_team_id for row in rows])
    return [_user(row, teams.get(row.id, []), usual[row.default_team_id], reader) for row in rows]


def team_summaries(session: Session, teams: Sequence[Team]) -> list[TeamSummary]:
    """Teams with their leads and sizes, in two queries."""
    sizes = team_sizes(session, [team.id for team in teams])
    return [TeamSummary(**_summary(team, sizes.get(team.id, TeamSize()))) for team in teams]


def shown_team(session: Session, team: Team) -> TeamJson:
    """One team with its members."""
    members = members_of(session, team.id)
    size = TeamSize(len(members), tuple(member.name for member in members if member.is_lead))
    rows = [
        MemberJson(name=each.name, display_name=each.display_name, shares=each.shares, is_lead=each.is_lead)
        for each in members
    ]
    return TeamJson.model_validate({**_summary(team, size), "members": rows})


def _user(row: User, teams: Iterable[MemberOf], usual: str, reader: Principal) -> UserJson:
    return UserJson(
        name=row.name,
        display_name=row.display_name,
        email=row.email if reader.is_administrator or reader.user_id == row.id else None,
        role=row.role,
        is_tool=row.is_tool,
        teams=[TeamOf(name=team.team, is_lead=team.is_lead, shares=team.shares) for team in teams],
        default_team=usual,
        disabled=row.disabled_at is not None,
        created_at=row.created_at,
    )


def _summary(team: Team, size: TeamSize) -> dict[str, object]:
    return {
        "name": team.name,
        "shares": team.shares,
        "leads": list(size.leads),
        "member_count": size.members,
        "created_at": team.created_at,
    }
