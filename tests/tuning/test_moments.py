"""Arithmetic on times, over all numbers."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tuning.moments import LATEST_EPOCH, LONGEST_SECONDS, later, moment, span

NUMBERS = st.one_of(st.floats(), st.integers(-(10**40), 10**40))


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (LATEST_EPOCH - 1, datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (LATEST_EPOCH, None),
        (999_999_999_999_999_999, None),
        (-1, None),
        (math.nan, None),
        (math.inf, None),
    ],
)
def test_a_moment_is_one_that_every_calendar_has(epoch: float, expected: datetime | None) -> None:
    assert moment(epoch) == expected


@given(NUMBERS)
def test_no_number_breaks_a_clock(number: float) -> None:
    found, after = moment(number), later(NOON, number)
    assert found is None or found.year < 2200
    assert after is None or after >= NOON
    assert (span(number) is None) == (after is None)


def test_what_takes_more_than_a_hundred_years_has_no_end() -> None:
    assert later(NOON, LONGEST_SECONDS) is not None
    assert later(NOON, LONGEST_SECONDS + 1) is None
    assert later(NOON, None) is None
