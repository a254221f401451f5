"""Foresight of simulated starts: nobody waits, exact limits, limits that are far too long, any workload."""

import pytest
from hypothesis import given, settings

from tests.tuning.queue.simulation.workloads import workloads
from tuning.queue.order import Weights
from tuning.queue.simulation.foresight import Foresight, foresight
from tuning.queue.simulation.trace import Trace, TraceJob
from tuning.queue.waiting_job import Person

ADA = Person("lab", "ada")


def one_after_the_other(count: int, run_seconds: float, limit_seconds: float) -> Trace:
    jobs = [TraceJob(ADA, number * 6 * 3600.0, 1, run_seconds, limit_seconds) for number in range(count)]
    return Trace(jobs, 1)


def test_where_nobody_waits_nothing_is_foretold() -> None:
    assert foresight(one_after_the_other(3, 60, 60), Weights()) == Foresight(0, 0.0, 0.0, 0.0, 0.0)


def test_exact_limits_foretell_the_start_best() -> None:
    found = foresight(one_after_the_other(40, 8 * 3600, 8 * 3600), Weights())
    assert found.mean_error_by_limits_seconds < 60
    assert found.mean_error_by_limits_seconds < found.mean_error_seconds


def test_earlier_runs_foretell_better_than_limits_far_too_long() -> None:
    found = foresight(one_after_the_other(200, 8 * 3600, 80 * 3600), Weights())
    assert found.error_ratio < 0.5
    assert found.inside > 0.8


@settings(max_examples=20)
@given(workloads())
def test_any_workload_is_measured(trace: Trace) -> None:
    found = foresight(trace, Weights())
    assert 0 <= found.inside <= 1
    assert found.mean_wait_seconds >= 0
    assert found.error_ratio == pytest.approx(found.mean_error_seconds / max(found.mean_error_by_limits_seconds, 1.0))
