"""Limits set and removed, and shown with their use. Each is a step of the caller's transaction.

Administrators set all; leads those of members of their teams, which are never wider than the others that bind there.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.errors import Conflict, Finding, InvalidInput, NotAllowed
from tuning.jobs.queries.use.limits import limit_of, uses
from tuning.people.models import Membership, Team, User
from tuning.people.tokens import Principal
from tuning.queue.limits.checks import check_is_no_wider, check_limit
from tuning.queue.limits.limit import EACH, NO_USE, Bound, Limit, LimitKind, Limits, SubjectKind, Use, Uses, member_of
from tuning.usage.limits import LimitPlace, found_limit, limit_rows, put_limit, remove_limit

MOST_OF_A_TEAM = 500
"""Limits of its members: so no team takes the places of all others (tuning.usage.limits)."""
_ONLY = "only administrators set and remove limits, and leads those of members of their teams"
_ASK = "ask an administrator, or a lead of the team"


@dataclass(frozen=True)
class LimitUse:
    """A limit and its use: of one for each, by the subject that uses most."""

    bound: Bound
    use: Use

    @property
    def limit(self) -> Limit:
        """The limit itself."""
        return self.bound.limit


@dataclass(frozen=True)
class SetLimit:
    """A limit that was set, its use now, and its amount before; None where there was none."""

    set: LimitUse
    amount_before: float | None


def set_limit(
    session: Session, place: LimitPlace, amount: float, clusters: Collection[str], setter: Principal, now: datetime
) -> SetLimit:
    """Set a limit, or change its amount; one below what is used holds until enough has ended.

    Raises NotAllowed, InvalidInput, and Conflict where there are too many.
    """
    _require_right(setter, place.subject_kind, place.subject)
    wanted = Limit(
        id="",
        subject_kind=SubjectKind(place.subject_kind),
        subject=place.subject,
        kind=LimitKind(place.kind),
        amount=amount,
        cluster=place.cluster,
        partition=place.partition,
        job_class=place.job_class,
    )
    if findings := [*check_limit(wanted, clusters), *_unknown_subject(session, wanted)]:
        raise InvalidInput(findings)
    if wanted.subject_kind is SubjectKind.MEMBER:
        _check_of_member(session, wanted)
    row, before = put_limit(session, place, amount, now)
    limit = limit_of(row)
    return SetLimit(_with_most_use(limit, uses(session, Limits([limit]), now), setter), before)


def limits_in_use(session: Session, viewer: Principal, now: datetime) -> list[LimitUse]:
    """The limits that a user may see, each with its use: an administrator all, others those that bind themselves.

    Of a limit for each, others see their own use.
    """
    limits = [limit_of(row) for row in limit_rows(session)]
    shown = [limit for limit in limits if _is_shown(viewer, limit.subject_kind, limit.subject)]
    used = uses(session, Limits(limits), now) if shown else {}
    return [_with_most_use(limit, used, viewer) for limit in shown]


def take_limit_away(session: Session, limit_id: str, remover: Principal) -> Limit:
    """Remove a limit; returns what it was. Raises NotAllowed, NotFound."""
    if not remover.is_administrator and not remover.led_teams:
        raise NotAllowed(_ONLY, hint=_ASK)
    row = found_limit(session, limit_id)
    _require_right(remover, row.subject_kind, row.subject)
    return limit_of(remove_limit(session, limit_id))


def _require_right(user: Principal, subject_kind: str, subject: str) -> None:
    led = {team.name for team in user.teams if team.is_lead}
    if user.is_administrator or (subject_kind == SubjectKind.MEMBER and member_of(subject)[0] in led):
        return
    raise NotAllowed(_ONLY, hint=_ASK)


def _check_of_member(session: Session, wanted: Limit) -> None:
    """Raises InvalidInput for a limit that is wider than others, Conflict where the team has too many."""
    others = [limit_of(row) for row in limit_rows(session)]
    if findings := list(check_is_no_wider(wanted, Limits(others))):
        raise InvalidInput(findings)
    of_members = (each for each in others if each.subject_kind is SubjectKind.MEMBER and not _is_same(each, wanted))
    team = member_of(wanted.subject)[0]
    if sum(member_of(each.subject)[0] == team for each in of_members) >= MOST_OF_A_TEAM:
        message = f"members of {team} have {MOST_OF_A_TEAM} limits, and no more are kept"
        raise Conflict(message, hint=f"set one for each ({EACH})")


def _is_same(limit: Limit, other: Limit) -> bool:
    """Whether they differ by their amounts alone."""
    return replace(limit, id="", amount=0.0) == replace(other, id="", amount=0.0)


def _is_shown(viewer: Principal, kind: SubjectKind, subject: str) -> bool:
    """Whether a user may see a limit of a subject: it binds them, or they lead the team whose member it binds."""
    if viewer.is_administrator or kind is SubjectKind.EVERYBODY:
        return True
    if kind is SubjectKind.USER:
        return subject in (EACH, viewer.name)
    if kind is SubjectKind.TEAM:
        return subject == EACH or any(team.name == subject for team in viewer.teams)
    name, user = member_of(subject)
    return any(team.name == name and (team.is_lead or user in (EACH, viewer.name)) for team in viewer.teams)


def _with_most_use(limit: Limit, used: Uses, viewer: Principal) -> LimitUse:
    if not limit.is_for_each:
        return LimitUse(Bound(limit, limit.subject), used.get((limit.id, limit.subject), NO_USE))
    of_it = [(use.amount, subject) for (limit_id, subject), use in used.items() if limit_id == limit.id]
    known = [each for each in of_it if _is_shown(viewer, limit.subject_kind, each[1])]
    subject = max(known)[1] if known else limit.subject
    return LimitUse(Bound(limit, subject), used.get((limit.id, subject), NO_USE))


def _unknown_subject(session: Session, limit: Limit) -> Iterator[Finding]:
    if limit.subject_kind is SubjectKind.EVERYBODY or limit.subject in ("", EACH):
        return
    if limit.subject_kind is SubjectKind.MEMBER:
        yield from _unknown_member(session, *member_of(limit.subject))
        return
    name = User.name if limit.subject_kind is SubjectKind.USER else Team.name
    if session.scalar(select(name).where(name == limit.subject)) is None:
        hint = f"give the name as it stands beside their jobs, or {EACH} for each"
        yield Finding(("subject",), f"there is no {limit.subject_kind} {limit.subject}", hint)


def _unknown_member(session: Session, team_name: str, user_name: str) -> Iterator[Finding]:
    team_id = session.scalar(select(Team.id).where(Team.name == team_name))
    if team_id is None:
        yield Finding(("team",), f"there is no team {team_name}", "GET /api/v1/teams lists the teams")
        return
    own = select(User.name).join(Membership, Membership.user_id == User.id).where(Membership.team_id == team_id)
    if user_name not in ("", EACH) and session.scalar(own.where(User.name == user_name)) is None:
        hint = f"GET /api/v1/teams/{team_name} lists its members; {EACH} is each of them"
        yield Finding(("subject",), f"{user_name} is not in the team {team_name}", hint)
