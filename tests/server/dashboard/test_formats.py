"""Durations, sizes and numbers in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.formats import duration, iso_time, number, percent, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (math.nan, "–"),
        (-5, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (4800, "1 h 20 min"),
        (7200, "2 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (41_943_040, "41.9 MB"), (2e15, "2.0 PB")],
)
def test_sizes(count: float | None, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (1.23456, "1.235"),
        (1200, "1\u202f200"),
        (12_670.3, "12\u202f670"),
        (math.inf, "inf"),
        (1e-4, "0.0001"),
        (0.0, "0"),
    ],
)
def test_numbers(value: float | None, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(("value", "words"), [(None, "–"), (99.99, "99 %"), (100, "100 %"), (-3, "0 %")])
def test_nothing_is_whole_before_it_is(value: float | None, words: str) -> None:
    assert percent(value) == words


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_has_words(value: float) -> None:
    assert duration(value)
    assert number(value)


def test_times_are_told_in_utc() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00+00:00"
