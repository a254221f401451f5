"""Values of the page of everybody: teams with shares and use, limits, users, and the record of changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.answers.people import shown_users, team_summaries
from server.dashboard.people.chart import UseChart, use_chart
from server.dashboard.people.filters import PeopleFilters
from server.dashboard.people.shares import ShareOfUse, shares_of_use
from server.schemas.audit import AuditJson
from server.schemas.limit import LimitJson
from server.schemas.people import TeamSummary, UserJson
from tuning.jobs.actions.limits import limits_in_use
from tuning.jobs.queries.use.usage_report import Period, UsedBy, usage_by_day
from tuning.people.audit import entries
from tuning.people.directory import teams_page, users_page
from tuning.people.teams import MOST_TEAMS
from tuning.people.tokens import Principal

MOST_SHOWN = 50
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class TeamRow:
    """A team with its share, and what it used."""

    its: TeamSummary
    use: ShareOfUse


@dataclass(frozen=True)
class LabUse:
    """Use of the lab by its teams in a period."""

    period: Period
    chart: UseChart | None
    teams: Sequence[TeamRow]
    team_count: int
    """Of all that were looked for; those that used most are shown."""


@dataclass(frozen=True)
class LimitList:
    """Limits with their use."""

    limits: Sequence[LimitJson]
    next: str | None


@dataclass(frozen=True)
class UserList:
    """A page of users."""

    users: Sequence[UserJson]
    next: str | None


@dataclass(frozen=True)
class AuditList:
    """A page of the record, the newest first."""

    entries: Sequence[AuditJson]
    next: str | None


def lab_use(session: Session, reader: Principal, filters: PeopleFilters, now: datetime) -> LabUse:
    """Shares of all teams, and what these used; of them those with the text in their names are listed."""
    period = filters.period(now)
    days = usage_by_day(session, UsedBy.TEAM, period, now, reader)
    teams = {team.name: team for team in teams_page(session, MOST_TEAMS, None)}
    hours: dict[str, float] = {}
    for day in days:
        hours[day.name] = hours.get(day.name, 0.0) + day.gpu_seconds / 3600
    uses = shares_of_use({name: team.shares for name, team in teams.items()}, hours)
    wanted = [use for use in uses if use.name in teams and filters.q.lower() in use.name.lower()]
    summaries = team_summaries(session, [teams[use.name] for use in wanted[:MOST_SHOWN]])
    rows = [TeamRow(its, use) for its, use in zip(summaries, wanted, strict=False)]
    return LabUse(period, use_chart(days, period), rows, len(wanted))


def limit_list(session: Session, reader: Principal, filters: PeopleFilters, now: datetime) -> LimitList:
    """The limits that the reader may see, a page of them; an unknown cursor begins anew."""
    found = [each for each in limits_in_use(session, reader, now) if filters.q in each.bound.subject]
    places = [place for place, each in enumerate(found, 1) if each.limit.id == filters.after]
    rest = found[places[0] if places else 0 :]
    shown = [LimitJson.of(each, reader) for each in rest[:MOST_SHOWN]]
    return LimitList(shown, shown[-1].id if len(rest) > MOST_SHOWN else None)


def user_list(session: Session, reader: Principal, filters: PeopleFilters) -> UserList:
    """Users by name, with the text in their names."""
    found = users_page(session, MOST_SHOWN + 1, filters.after or None, filters.q)
    shown = shown_users(session, found[:MOST_SHOWN], reader)
    return UserList(shown, shown[-1].name if len(found) > MOST_SHOWN else None)


def audit_list(session: Session, filters: PeopleFilters) -> AuditList:
    """The record of changes; an unknown cursor begins anew."""
    is_id = filters.after.isascii() and filters.after.isdecimal() and int(filters.after) <= _LARGEST_ID
    found = entries(session, filters.audit, MOST_SHOWN + 1, int(filters.after) if is_id else None)
    shown = [AuditJson.of(entry) for entry in found[:MOST_SHOWN]]
    return AuditList(shown, str(shown[-1].id) if len(found) > MOST_SHOWN else None)
