"""Pauses after failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.backoff import LONGEST_SECONDS, delay_seconds


def test_without_failures_it_is_the_poll_interval() -> None:
    assert delay_seconds(0, 2.0, 0.9) == 2.0


@pytest.mark.parametrize(("failures", "expected"), [(1, 4.0), (2, 8.0), (3, 16.0), (5, 60.0), (500, 60.0)])
def test_it_doubles_up_to_a_minute(failures: int, expected: float) -> None:
    assert delay_seconds(failures, 2.0, 1.0) == expected


@given(failures=st.integers(1, 10_000), poll=st.floats(0.2, 600), jitter=st.floats(0, 1, exclude_max=True))
def test_half_of_it_is_random_and_it_never_hurries(failures: int, poll: float, jitter: float) -> None:
    pause = delay_seconds(failures, poll, jitter)
    assert min(poll, LONGEST_SECONDS / 2) <= pause <= max(poll, LONGEST_SECONDS)
