"""Limits set and removed by administrators, and shown with their use. Each is a step of the caller's transaction."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.errors import Finding, InvalidInput
from tuning.jobs.queries.use import limit_of, uses
from tuning.people.models import Team, User
from tuning.people.tokens import Principal
from tuning.queue.limit_checks import check_limit
from tuning.queue.limits import EACH, NO_USE, Bound, Limit, LimitKind, Limits, SubjectKind, Use, Uses
from tuning.usage.limits import LimitPlace, limit_rows, put_limit


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


def set_limit(session: Session, place: LimitPlace, amount: float, clusters: Collection[str], now: datetime) -> SetLimit:
    """Set a limit, or change its amount; one below what is used holds until enough has ended. Raises InvalidInput."""
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
    row, before = put_limit(session, place, amount, now)
    limit = limit_of(row)
    return SetLimit(_with_most_use(limit, uses(session, Limits([limit]), now), None), before)


def limits_in_use(session: Session, viewer: Principal, now: datetime) -> list[LimitUse]:
    """The limits that a user may see, each with its use: an administrator all, others those that bind themselves.

    Of a limit for each, others see their own use.
    """
    limits = [limit_of(row) for row in limit_rows(session)]
    seen = None if viewer.is_administrator else _subjects_of(viewer)
    shown = [limit for limit in limits if seen is None or _binds(limit, seen)]
    used = uses(session, Limits(limits), now) if shown else {}
    return [_with_most_use(limit, used, seen) for limit in shown]


_Subjects = frozenset[tuple[SubjectKind, str]]


def _subjects_of(viewer: Principal) -> _Subjects:
    return frozenset({(SubjectKind.USER, viewer.name), *((SubjectKind.TEAM, team.name) for team in viewer.teams)})


def _binds(limit: Limit, seen: _Subjects) -> bool:
    if limit.subject_kind is SubjectKind.EVERYBODY or limit.subject == EACH:
        return True
    return (limit.subject_kind, limit.subject) in seen


def _with_most_use(limit: Limit, used: Uses, seen: _Subjects | None) -> LimitUse:
    if limit.subject != EACH:
        return LimitUse(Bound(limit, limit.subject), used.get((limit.id, limit.subject), NO_USE))
    of_it = [(use.amount, subject) for (limit_id, subject), use in used.items() if limit_id == limit.id]
    known = [each for each in of_it if seen is None or (limit.subject_kind, each[1]) in seen]
    subject = max(known)[1] if known else EACH
    return LimitUse(Bound(limit, subject), used.get((limit.id, subject), NO_USE))


def _unknown_subject(session: Session, limit: Limit) -> Iterator[Finding]:
    if limit.subject_kind is SubjectKind.EVERYBODY or limit.subject in ("", EACH):
        return
    name = User.name if limit.subject_kind is SubjectKind.USER else Team.name
    if session.scalar(select(name).where(name == limit.subject)) is None:
        hint = f"give the name as it stands beside their jobs, or {EACH} for each"
        yield Finding(("subject",), f"there is no {limit.subject_kind} {limit.subject}", hint)
