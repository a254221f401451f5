"""Token buckets, with the time in the test's hands."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.bounds.rate_buckets import RateBuckets

_PAUSES = st.lists(st.floats(0, 0.5) | st.just(0.0) | st.floats(0, 30), max_size=200)


@given(_PAUSES, st.floats(0.1, 100), st.integers(1, 20), st.floats(0, 1e7))
def test_no_window_sees_more_than_the_burst_and_what_came_in_since(
    pauses: list[float], per_second: float, burst: int, start: float
) -> None:
    buckets = RateBuckets(per_second, burst, most=10)
    moments = list(accumulate(pauses, initial=start))
    taken = [moment for moment in moments if buckets.take("a", moment) == 0]
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + per_second * (taken[last] - taken[first]) + 0.01


@given(_PAUSES, st.floats(0.1, 100), st.integers(1, 20))
def test_whoever_waits_as_long_as_told_gets_one(pauses: list[float], per_second: float, burst: int) -> None:
    buckets, now = RateBuckets(per_second, burst, most=10), 0.0
    for pause in pauses:
        now += pause
        wait = buckets.wait("a", now)
        assert buckets.take("a", now) == wait
        if wait:
            assert wait <= 1 / per_second + 1e-6
            now += wait
            assert buckets.take("a", now + 1e-6) == 0


@pytest.mark.parametrize(("per_second", "burst"), [(50, 200), (1, 30), (0.3, 7), (1e-3, 1)])
def test_the_whole_burst_is_there_at_once(per_second: float, burst: int) -> None:
    buckets = RateBuckets(per_second, burst, most=10)
    waits = [buckets.take("a", 1e7) for _ in range(burst + 1)]
    assert waits[:-1] == [0] * burst
    assert waits[-1] == pytest.approx(1 / per_second, rel=0.01)


def test_keys_do_not_share() -> None:
    buckets = RateBuckets(1, 1, most=10)
    assert [buckets.take(key, 0) == 0 for key in ("a", "b", "a", "b")] == [True, True, False, False]


def test_waiting_takes_nothing() -> None:
    buckets = RateBuckets(1, 1, most=10)
    assert [buckets.wait("a", 0) for _ in range(5)] == [0] * 5
    assert "a" not in buckets
    assert buckets.take("a", 0) == 0


def test_buckets_are_bounded_and_the_longest_unused_goes_first() -> None:
    buckets = RateBuckets(1, 1, most=2)
    for number, key in enumerate(("a", "b", "a", "c")):
        buckets.take(key, 10.0 * number)
    assert len(buckets) == 2
    assert [key in buckets for key in ("a", "b", "c")] == [True, False, True]
