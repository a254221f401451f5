"""Values of a team's page: members with shares and use, limits, and for its leads tools and webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.answers.people import shown_team
from server.answers.webhooks import shown_webhooks
from server.dashboard.people.chart import UseChart, use_chart
from server.dashboard.people.filters import PeopleFilters
from server.dashboard.people.person import ShownDeliveries, shown_deliveries
from server.dashboard.people.shares import ShareOfUse, shares_of_use
from server.schemas.limit import LimitJson
from server.schemas.people import MemberJson, TeamJson
from server.schemas.token import TokenInfo
from server.schemas.webhook import WebhookInfo
from tuning.jobs.actions.limits import LimitUse, limits_in_use
from tuning.jobs.queries.use.usage_report import Period, UsageOf, UsedBy, usage_by_day
from tuning.notices.webhooks import MOST_WEBHOOKS, Keeper, webhooks_of
from tuning.people.models import Team
from tuning.people.queries import tokens_of
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import EACH, SubjectKind, member_of

MOST_MEMBERS = 100
_MOST_TOKENS = 100
_MOST_LIMITS = 100
_NOBODY = "nobody"


@dataclass(frozen=True)
class MemberRow:
    """A member with their share of the team, and what they used; without use where their jobs may not be seen."""

    its: MemberJson
    use: ShareOfUse


@dataclass(frozen=True)
class LeadAccess:
    """Tokens of tools and webhooks of a team, for its leads."""

    tokens: Sequence[TokenInfo]
    """Of its tools."""
    webhooks: Sequence[WebhookInfo]
    deliveries: ShownDeliveries | None


@dataclass(frozen=True)
class TeamOnPage:
    """A team, as the reader may see it."""

    its: TeamJson
    is_led: bool
    """By the reader, or an administrator reads."""
    period: Period
    chart: UseChart | None
    members: Sequence[MemberRow]
    next: str | None
    """The member behind whom the next page begins."""
    limits: Sequence[LimitJson]
    access: LeadAccess | None


def team_on_page(session: Session, reader: Principal, team: Team, filters: PeopleFilters, now: datetime) -> TeamOnPage:
    """Contents of a team's page that the reader may see."""
    its, period = shown_team(session, team), filters.period(now)
    days = usage_by_day(session, UsedBy.USER, period, now, reader, UsageOf(team_id=team.id))
    hours: dict[str, float] = {}
    for day in days:
        hours[day.name] = hours.get(day.name, 0.0) + day.gpu_seconds / 3600
    uses = {use.name: use for use in shares_of_use({each.name: each.shares for each in its.members}, hours)}
    members = [each for each in its.members if each.name > filters.after] if not filters.webhook else its.members
    is_led = reader.is_administrator or team.id in reader.led_teams
    return TeamOnPage(
        its=its,
        is_led=is_led,
        period=period,
        chart=use_chart(days, period),
        members=[MemberRow(each, uses[each.name]) for each in members[:MOST_MEMBERS]],
        next=members[MOST_MEMBERS - 1].name if len(members) > MOST_MEMBERS else None,
        limits=_limits(session, reader, team, now),
        access=_lead_access(session, team, filters) if is_led else None,
    )


def _limits(session: Session, reader: Principal, team: Team, now: datetime) -> list[LimitJson]:
    """Those of the team and of its members that the reader may see, each with its use."""
    shown = [LimitJson.of(each, reader) for each in limits_in_use(session, reader, now) if _is_of(each, team.name)]
    return shown[:_MOST_LIMITS]


def _is_of(found: LimitUse, team: str) -> bool:
    kind, subject = found.limit.subject_kind, found.bound.subject
    if kind is SubjectKind.MEMBER:
        return member_of(subject)[0] == team
    return kind is SubjectKind.TEAM and subject in (team, EACH)


def _lead_access(session: Session, team: Team, filters: PeopleFilters) -> LeadAccess:
    webhooks = webhooks_of(session, Keeper(_NOBODY, frozenset({team.id})), MOST_WEBHOOKS, None).webhooks
    tokens = tokens_of(session, _NOBODY, _MOST_TOKENS, of_tools=[team.id])
    return LeadAccess(
        tokens=[TokenInfo.of(token, name) for token, name in tokens],
        webhooks=shown_webhooks(session, webhooks),
        deliveries=shown_deliveries(session, webhooks, filters),
    )
