"""Workloads: their load, and limits that are made up."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.simulation.workloads import PEOPLE
from tuning.errors import InvalidInput
from tuning.queue.simulation.trace import Trace, TraceJob, made_up_limit

TRACE = Trace([TraceJob(PEOPLE[0], at, 2, 100, 200) for at in (0.0, 50.0, 200.0)], gpus=4)


def test_load_is_the_part_of_all_gpu_time_that_is_wanted() -> None:
    assert TRACE.load == 0.75


@pytest.mark.parametrize("load", [0.1, 0.9, 1.5])
def test_a_scaled_load_is_reached_by_other_distances(load: float) -> None:
    scaled = TRACE.with_load(load)
    assert scaled.load == pytest.approx(load)
    assert [job.run_seconds for job in scaled.jobs] == [100, 100, 100]


@pytest.mark.parametrize("load", [0.0, -1.0, math.nan, math.inf, 11.0])
def test_a_load_that_cannot_be_is_refused(load: float) -> None:
    with pytest.raises(InvalidInput, match="load"):
        TRACE.with_load(load)


@given(st.floats(1, 1e8), st.integers())
def test_a_made_up_limit_is_round_and_long_enough(run_seconds: float, seed: int) -> None:
    limit = made_up_limit(run_seconds, random.Random(seed))  # noqa: S311
    assert run_seconds <= limit <= max(5 * run_seconds + 86_400, 300)
    assert limit % 300 == 0
