"""Limits of the bytes of data sets on the server: room for an upload, and one more look once its row is written."""

import math
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.datasets.storage.store import HOW_TO_MAKE_ROOM
from tuning.errors import StorageFull
from tuning.jobs.queries.use.limits import dataset_tallies, load_limits, load_locked_limits
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import NO_USE, Bound, LimitKind, Limits, Place, Use, uses_of
from tuning.queue.limits.words import limit_words, use_words


def dataset_room(session: Session, user: Principal, now: datetime) -> float:
    """Bytes that a user may keep beside those kept now, infinite without a limit. Raises StorageFull for none."""
    found = _uses(session, load_limits(session), user, now)
    for bound, use in found:
        if use.amount >= bound.limit.amount:
            raise StorageFull(_words(bound, use), hint=HOW_TO_MAKE_ROOM)
    return min((bound.limit.amount - use.amount for bound, use in found), default=math.inf)


def require_within_limits(session: Session, user: Principal, now: datetime) -> None:
    """Raises StorageFull where a data set, whose row was just written, exceeds a limit: nothing of it is kept then.

    Others who keep data sets of the same limit wait until this transaction ends.
    """
    limits = load_limits(session)
    if LimitKind.DATASET_BYTES not in limits.kinds():
        return
    for bound, use in _uses(session, load_locked_limits(session), user, now):
        if use.amount > bound.limit.amount:
            raise StorageFull(f"{_words(bound, use)} with this one", hint=HOW_TO_MAKE_ROOM)


def _uses(session: Session, limits: Limits, user: Principal, now: datetime) -> list[tuple[Bound, Use]]:
    """The limits of data sets that bind a user, with what is used of each."""
    usual = next((team.name for team in user.teams if team.id == user.default_team_id), "")
    bounds = [bound for bound in limits.of(Place(user.name, usual)) if bound.limit.kind is LimitKind.DATASET_BYTES]
    if not bounds:
        return []
    used = uses_of(limits, (), {LimitKind.DATASET_BYTES: dataset_tallies(session, now)})
    return [(bound, used.get(bound.account, NO_USE)) for bound in bounds]


def _words(bound: Bound, use: Use) -> str:
    return f"{limit_words(bound)}: {use_words(bound.limit.kind, use)}"
