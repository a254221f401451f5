"""Hours of GPUs that ended jobs used, and when they cease to count against limits of 30 days."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from tuning.jobs.queries.use.limits import DAYS, first_day
from tuning.people.models import Team, User
from tuning.queue.limits.limit import Account, Bound, LimitKind, Limits, Place, SubjectKind, member_of
from tuning.usage.models import UsageDay

Leaves = tuple[tuple[datetime, float], ...]


def leaving_hours(
    session: Session, limits: Limits, bounds: Collection[Bound], now: datetime
) -> Mapping[Account, Leaves]:
    """Of these limits of hours: when parts of what was used cease to count, the soonest first. One statement."""
    if not bounds:
        return {}
    wanted = {bound.account for bound in bounds}
    hours: dict[Account, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    place = (User.name, func.coalesce(Team.name, ""), UsageDay.cluster)
    days = select(*place, UsageDay.day, UsageDay.gpu_seconds).join(User, User.id == UsageDay.user_id)
    days = days.outerjoin(Team, Team.id == UsageDay.team_id).where(UsageDay.day >= first_day(now), _among(bounds))
    for user, team, cluster, day, gpu_seconds in session.execute(days):
        for bound in limits.of(Place(user, team, cluster)):
            if bound.limit.kind is LimitKind.GPU_HOURS and bound.account in wanted:
                hours[bound.account][day] += gpu_seconds / 3600
    return {account: tuple((_leaves_at(day), its[day]) for day in sorted(its)) for account, its in hours.items()}


def _leaves_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=DAYS), time(), UTC)


def _among(bounds: Collection[Bound]) -> ColumnElement[bool]:
    kinds: dict[SubjectKind, set[str]] = defaultdict(set)
    for bound in bounds:
        kinds[bound.limit.subject_kind].add(bound.subject)
    if SubjectKind.EVERYBODY in kinds:
        return true()
    users = kinds[SubjectKind.USER] | {member_of(subject)[1] for subject in kinds[SubjectKind.MEMBER]}
    return or_(User.name.in_(users), Team.name.in_(kinds[SubjectKind.TEAM]))
