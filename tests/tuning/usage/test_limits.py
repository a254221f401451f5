"""There is one limit of each subject, kind and narrowing, and a bounded number of them."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_limit
from tuning.errors import Conflict, NotFound
from tuning.queue.limits.limit import LimitKind
from tuning.usage import limits
from tuning.usage.limits import LimitPlace, limit_rows, lock_limits, put_limit, remove_limit

PLACE = LimitPlace("team", "mt", "gpus", cluster="lab")


def test_the_same_place_has_one_limit_whose_amount_changes(session: Session) -> None:
    made, before = put_limit(session, PLACE, 8, NOON)
    assert before is None
    changed, before = put_limit(session, PLACE, 4, NOON + timedelta(hours=1))
    assert (changed.id, changed.amount, changed.created_at, before) == (made.id, 4, NOON, 8)
    elsewhere, _ = put_limit(session, LimitPlace("team", "mt", "gpus", cluster="far"), 2, NOON)
    assert {row.id for row in limit_rows(session)} == {made.id, elsewhere.id}


def test_a_removed_limit_is_gone(session: Session) -> None:
    made, _ = put_limit(session, PLACE, 8, NOON)
    assert remove_limit(session, made.id).amount == 8
    assert limit_rows(session) == []
    with pytest.raises(NotFound):
        remove_limit(session, made.id)


def test_more_limits_than_are_kept_are_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_LIMITS", 1)
    put_limit(session, PLACE, 8, NOON)
    with pytest.raises(Conflict):
        put_limit(session, LimitPlace("team", "mt", "running_jobs"), 8, NOON)
    assert put_limit(session, PLACE, 9, NOON)[1] == 8


def test_locked_limits_are_those_of_now(session: Session) -> None:
    made = make_limit(session, LimitKind.GPUS, 8, team="mt")
    assert [(row.id, row.amount) for row in lock_limits(session)] == [(made.id, 8)]
