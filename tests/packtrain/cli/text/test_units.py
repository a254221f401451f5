from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.cli.text.units import age, clock_time, duration, number, seconds_between, size

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"), (0.4, "0 s"), (14, "14 s"), (59.6, "1 min"), (200, "3 min 20 s"),
        (7_500, "2 h 5 min"), (7_205, "2 h"), (273_600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration_shows_its_two_greatest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (82_100_000, "82.1 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_a_size_shows_three_digits_or_so(count: int, words: str) -> None:
    assert size(count) == words


@given(st.integers(0, 10**18))
def test_every_size_has_a_unit(count: int) -> None:
    assert size(count).split(" ")[1] in ("B", "kB", "MB", "GB", "TB")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-21T09:05:00Z", "09:05"),
        ("2026-11-22T09:05:00Z", "Nov 22 09:05"),
        ("2025-01-02T09:05:00Z", "2025-01-02 09:05"),
    ],
)
def test_a_time_shows_its_date_when_it_is_not_today(text: str, words: str) -> None:
    assert clock_time(text, NOON) == words


def test_a_time_of_today_is_shown_to_the_second_where_that_is_wanted() -> None:
    assert clock_time("2026-11-21T09:05:07Z", NOON, to_the_second=True) == "09:05:07"


def test_a_time_is_shown_in_the_readers_zone() -> None:
    assert clock_time("2026-11-21T09:05:00Z", NOON.astimezone(timezone(timedelta(hours=9)))) == "18:05"


def test_an_age_is_one_unit() -> None:
    assert age("2026-11-21T09:55:00Z", NOON) == "2 h"


def test_seconds_between_known_times_only() -> None:
    assert seconds_between("2026-11-21T12:00:00Z", "2026-11-21T12:00:14.5Z") == 14.5
    assert seconds_between(None, "2026-11-21T12:00:14Z") is None


def test_numbers_keep_five_digits() -> None:
    assert (number(2.20314159), number(2.6315789e-05)) == ("2.2031", "2.6316e-05")
