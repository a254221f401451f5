"""Sums that halve: what is left, and what clocks and half-lives of an odd kind do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.queue.decay import DecayingSum, decayed, with_more

MOMENTS = st.floats(0, 1e10)
HALF_LIVES = st.one_of(st.just(0.0), st.just(math.inf), st.floats(1, 1e9))


def test_half_is_left_after_a_half_life() -> None:
    assert decayed(DecayingSum(80.0, at=1000.0), 1000.0 + 60, 60.0) == 40.0


def test_adding_now_is_adding_to_what_is_left() -> None:
    assert with_more(DecayingSum(80.0, at=0.0), 5.0, 120.0, 60.0) == DecayingSum(25.0, at=120.0)


def test_a_half_life_of_none_forgets_at_once() -> None:
    total = with_more(DecayingSum(80.0, at=0.0), 5.0, 10.0, 0.0)
    assert (total.amount, decayed(total, 10.0, 0.0), decayed(total, 10.1, 0.0)) == (5.0, 5.0, 0.0)


def test_an_infinite_half_life_forgets_nothing() -> None:
    assert decayed(DecayingSum(80.0, at=0.0), 1e12, math.inf) == 80.0


def test_a_clock_that_went_back_changes_nothing() -> None:
    total = DecayingSum(80.0, at=1000.0)
    assert decayed(total, 10.0, 60.0) == 80.0
    assert with_more(total, 5.0, 10.0, 60.0) == DecayingSum(85.0, at=1000.0)


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf])
def test_an_amount_that_cannot_be_counts_as_none(amount: float) -> None:
    assert with_more(DecayingSum(80.0, at=0.0), amount, 0.0, 60.0).amount == 80.0


@given(st.floats(0, 1e15), MOMENTS, MOMENTS, HALF_LIVES)
def test_a_sum_never_grows_by_itself(amount: float, at: float, now: float, half_life: float) -> None:
    assert 0 <= decayed(DecayingSum(amount, at), now, half_life) <= amount


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_one_number_and_a_time_are_as_good_as_all_amounts(first: float, second: float, later: float) -> None:
    kept = with_more(with_more(DecayingSum(), first, 100.0, 3600.0), second, 5000.0, 3600.0)
    now = 5000.0 + later
    each = first * 0.5 ** ((now - 100) / 3600) + second * 0.5 ** ((now - 5000) / 3600)
    assert decayed(kept, now, 3600.0) == pytest.approx(each)
