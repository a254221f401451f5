"""The ledger of use: each attempt once, by day, and nothing absurd of clocks that jump."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_user
from tuning.people.models import LAB_TEAM_ID
from tuning.usage.ledger import Account, EndedUse, add_use, use_by_day
from tuning.usage.models import DecayedUse, UsageDay

HOUR, WEEK_SECONDS = timedelta(hours=1), 7 * 86400.0


@pytest.fixture
def account(session: Session) -> Account:
    return Account(make_user(session).id, LAB_TEAM_ID, "lab")


def days(session: Session) -> list[tuple[date, float, int]]:
    rows = session.scalars(select(UsageDay).order_by(UsageDay.day))
    return [(row.day, row.gpu_seconds, row.jobs) for row in rows]


def sums(session: Session) -> tuple[float, float, float]:
    row = session.scalars(select(DecayedUse)).one()
    return row.gpu_seconds, row.slowdowns, row.jobs


def test_use_is_split_at_midnight_utc(session: Session, account: Account) -> None:
    add_use(session, account, EndedUse(2, NOON, 13 * HOUR), NOON + 13 * HOUR, WEEK_SECONDS)
    assert days(session) == [(date(2026, 11, 21), 2 * 12 * 3600, 0), (date(2026, 11, 22), 2 * 3600, 1)]
    assert sums(session) == (2 * 13 * 3600, 0.0, 0.0)


def test_sums_halve_before_more_is_added(session: Session, account: Account) -> None:
    later = NOON + timedelta(seconds=WEEK_SECONDS)
    add_use(session, account, EndedUse(1, NOON - HOUR, HOUR, slowdown=4.0), NOON, WEEK_SECONDS)
    add_use(session, account, EndedUse(1, later - HOUR, HOUR, slowdown=1.0), later, WEEK_SECONDS)
    assert sums(session) == (1800 + 3600, 2.0 + 1.0, 0.5 + 1.0)


def test_a_corrected_end_counts_in_the_place_of_the_old(session: Session, account: Account) -> None:
    wrong, right = EndedUse(1, NOON, 13 * HOUR, slowdown=9.0), EndedUse(1, NOON, HOUR, slowdown=2.0)
    add_use(session, account, wrong, NOON, WEEK_SECONDS)
    add_use(session, account, right, NOON, WEEK_SECONDS, instead_of=wrong)
    assert days(session) == [(date(2026, 11, 21), 3600, 1), (date(2026, 11, 22), 0, 0)]
    assert sums(session) == (3600, 2.0, 1.0)


def test_an_end_that_was_none_is_taken_back(session: Session, account: Account) -> None:
    wrong = EndedUse(1, NOON, HOUR, slowdown=9.0)
    add_use(session, account, wrong, NOON, WEEK_SECONDS)
    add_use(session, account, None, NOON, WEEK_SECONDS, instead_of=wrong)
    assert days(session) == [(date(2026, 11, 21), 0, 0)]
    assert sums(session) == (0, 0, 0)


def test_what_was_never_added_leaves_nothing_below_nothing(session: Session, account: Account) -> None:
    add_use(session, account, None, NOON, WEEK_SECONDS, instead_of=EndedUse(1, NOON, HOUR, slowdown=9.0))
    assert (days(session), sums(session)) == ([(date(2026, 11, 21), 0, 0)], (0, 0, 0))


def test_a_clock_that_went_back_keeps_the_sums(session: Session, account: Account) -> None:
    add_use(session, account, EndedUse(1, NOON, HOUR), NOON, WEEK_SECONDS)
    add_use(session, account, EndedUse(1, NOON, HOUR), NOON - timedelta(days=70), WEEK_SECONDS)
    assert sums(session) == (7200, 0, 0)


def test_what_changes_nothing_writes_nothing(session: Session, account: Account) -> None:
    use = EndedUse(1, NOON, HOUR)
    add_use(session, account, use, NOON, WEEK_SECONDS, instead_of=use)
    assert days(session) == []


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_the_days_of_a_use_add_up_to_a_year_at_most(offset: float, seconds: float) -> None:
    use = EndedUse(2, NOON + timedelta(seconds=offset), timedelta(seconds=seconds))
    by_day = list(use_by_day(use))
    assert sum(amount for _, amount in by_day) == pytest.approx(use.gpu_seconds)
    assert use.gpu_seconds <= 2 * 366 * 86400
    assert all(0 < amount <= 2 * 86400 for _, amount in by_day)
    assert len({day for day, _ in by_day}) == len(by_day) <= 368
