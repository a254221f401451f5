"""Length of runs: within their limits, never less than they have had, by the person's own last runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.queue.estimate import Estimate
from tuning.queue.run_length import run_length


def test_without_a_history_usual_parts_of_the_limit_count() -> None:
    assert run_length(1000.0, []) == Estimate(300.0, 510.0, 950.0)


def test_own_runs_move_the_estimate() -> None:
    short = run_length(1000.0, [0.1] * 20)
    assert short.low == 100.0
    assert short.expected == pytest.approx(182.0)


def test_only_the_last_runs_count() -> None:
    assert run_length(1000.0, [0.95] * 50 + [0.1] * 20) == run_length(1000.0, [0.1] * 20)


def test_a_run_that_outlived_earlier_ones_is_judged_by_the_longer() -> None:
    assert run_length(1000.0, [], ran_seconds=600.0) == Estimate(700.0, 825.0, 950.0)


def test_a_run_longer_than_all_others_ends_soon_and_by_its_limit() -> None:
    assert run_length(1000.0, [], ran_seconds=960.0) == Estimate(960.0, 1000.0, 1000.0)


@given(st.floats(0, 1e7), st.lists(st.floats(0, 1), max_size=30), st.floats(-10, 2e7))
def test_never_less_than_was_had_and_never_beyond_the_limit(limit: float, parts: list[float], ran: float) -> None:
    found = run_length(limit, parts, ran)
    most = max(limit, 1.0)
    assert min(max(ran, 0.0), most) <= found.low * (1 + 1e-9)
    assert found.low <= found.expected <= found.high <= most
