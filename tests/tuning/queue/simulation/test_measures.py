"""Measures of a simulation, on runs that can be counted by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.simulation.workloads import PEOPLE
from tuning.queue.simulation.engine import StartedJob
from tuning.queue.simulation.measures import jain_index, measure, slowdown_by_person, waits_beyond_bound
from tuning.queue.simulation.trace import TraceJob

ANA, BO = PEOPLE[0], PEOPLE[1]


def run(person: int, submitted: float, started: float, seconds: float = 100.0, gpus: int = 1) -> StartedJob:
    return StartedJob(TraceJob(PEOPLE[person], submitted, gpus, seconds, seconds), started)


def test_slowdown_is_bounded_for_runs_that_fail_at_once() -> None:
    assert run(0, 0, 100).bounded_slowdown == 2
    assert run(0, 0, 99, seconds=1).bounded_slowdown == 10
    assert run(0, 0, 0, seconds=1).bounded_slowdown == 1


def test_people_are_measured_by_the_mean_of_their_jobs() -> None:
    assert slowdown_by_person([run(0, 0, 0), run(0, 0, 200), run(1, 0, 100)]) == {ANA: 2, BO: 2}


def test_jain_is_1_for_equals_and_1_by_n_where_one_has_all() -> None:
    assert jain_index([3, 3, 3]) == 1
    assert jain_index([1, 0, 0, 0]) == 0.25


@given(st.lists(st.floats(1, 1e6), min_size=1))
def test_jain_lies_between(values: list[float]) -> None:
    assert 1 / len(values) <= jain_index(values) * (1 + 1e-9)
    assert jain_index(values) <= 1 + 1e-9


def test_all_of_it_for_a_workload() -> None:
    measures = measure([run(0, 0, 0, gpus=2), run(1, 0, 100, gpus=2), run(1, 200, 200, gpus=2)], gpus=4)
    assert measures.mean_wait_seconds == pytest.approx(100 / 3)
    assert measures.mean_slowdown == pytest.approx(4 / 3)
    assert (measures.longest_wait_seconds, measures.worst_person_slowdown) == (100, 1.5)
    assert measures.jain_index == pytest.approx(2.5**2 / (2 * 3.25))
    assert measures.utilisation == 0.5


def test_the_bound_counts_older_jobs_that_still_wait() -> None:
    overdue = 1000.0
    late = run(0, 0, 2 * overdue + 100 + 31)
    assert waits_beyond_bound([late], overdue) == 1
    assert waits_beyond_bound([run(1, 0, 2 * overdue + 1), late], overdue) == 0


def test_measures_are_numbers_for_jobs_of_one_moment() -> None:
    measures = measure([run(0, 0, 0), run(0, 1, 1)], gpus=1)
    assert not any(math.isnan(value) for value in (measures.jain_index, measures.share_error, measures.utilisation))
