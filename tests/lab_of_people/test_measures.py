"""Measures of a lab's day, on days that can be told at a glance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab_of_people.measures import Span, common_span, held_within, peak, share_errors, shares

SPANS = st.builds(
    lambda start, length, amount: Span(start, start + length, amount),
    st.integers(0, 50),
    st.integers(1, 20),
    st.integers(1, 8),
)


def test_what_ends_as_another_starts_is_not_held_with_it() -> None:
    assert peak([Span(0, 5), Span(5, 9)]) == 1


def test_the_peak_is_the_most_at_any_moment() -> None:
    assert peak([Span(0, 5, 2), Span(4, 9, 3), Span(8, 10, 1)]) == 5
    assert peak([]) == 0


@given(st.lists(SPANS))
def test_the_peak_is_what_a_count_by_seconds_finds(spans: list[Span]) -> None:
    by_second = [sum(span.amount for span in spans if span.start <= second < span.end) for second in range(71)]
    assert peak(spans) == max(by_second)


def test_only_what_lies_between_two_moments_is_counted() -> None:
    assert held_within([Span(0, 10, 2), Span(8, 30, 1), Span(40, 50)], 5, 20) == 2 * 5 + 12


@given(st.lists(SPANS), st.integers(0, 70))
def test_two_halves_of_a_day_are_the_day(spans: list[Span], noon: int) -> None:
    halves = held_within(spans, 0, noon) + held_within(spans, noon, 100)
    assert halves == pytest.approx(held_within(spans, 0, 100))


def test_shares_of_nothing_are_nothing() -> None:
    assert shares({"mt": 0.0, "asr": 0.0}) == {"mt": 0.0, "asr": 0.0}


def test_an_error_is_the_part_had_less_the_part_due() -> None:
    errors = share_errors({"mt": 60.0, "asr": 40.0}, {"mt": 3, "asr": 1})
    assert errors == pytest.approx({"mt": -0.15, "asr": 0.15})


def test_who_had_nothing_lacks_all_that_was_due() -> None:
    assert share_errors({"mt": 60.0}, {"mt": 3, "asr": 1}) == pytest.approx({"mt": 0.25, "asr": -0.25})


def test_full_demand_lasts_until_the_first_has_nothing_left() -> None:
    waits = {"mt": [(0.0, 30.0), (1.0, 90.0)], "asr": [(5.0, 6.0), (7.0, 80.0)]}
    assert common_span(waits) == (5.0, 80.0)


def test_there_may_be_no_time_at_which_all_want_something() -> None:
    assert common_span({"mt": [(0.0, 10.0)], "asr": [(50.0, 60.0)]}) == (50.0, 50.0)
