"""Slurm's time limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jobs.request.time_limit import format_seconds, parse_time_limit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("08:00:00", 28_800),
        ("100:00:00", 360_000),
        ("1-0", 86_400),
        ("2-12", 216_000),
        ("1-02:30", 95_400),
        ("1-02:30:15", 95_415),
    ],
)
def test_sbatchs_forms_are_read(text: str, seconds: int) -> None:
    assert parse_time_limit(text) == seconds


@pytest.mark.parametrize("text", ["", "1:2:3:4", "1-", "-1", "8h", " 8", "8\n", "１", "1-1:1:1:1", "9999999", "1.5"])
def test_other_forms_are_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM:SS"):
        parse_time_limit(text)


@pytest.mark.parametrize("text", ["0", "00:00:00", "0-00:00"])
def test_zero_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zero"):
        parse_time_limit(text)


@given(st.integers(1, 999 * 86_400))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_time_limit(format_seconds(seconds)) == seconds
