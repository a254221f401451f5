"""Simulated queues: no GPU is given twice, every job runs, and packtrain's order starves nobody."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.queue.simulation.workloads import GPUS, PEOPLE, workloads
from tuning.queue.order import Weights
from tuning.queue.simulation.engine import CYCLE_SECONDS, Policy, StartedJob, simulate
from tuning.queue.simulation.measures import waits_beyond_bound
from tuning.queue.simulation.policies import Easy, FairQueue, Fifo
from tuning.queue.simulation.trace import Trace, TraceJob

IMPATIENT = Weights(overdue_seconds=600.0, soonest_overdue_seconds=300.0, short_limit_seconds=300.0)


def fair(weights: Weights = IMPATIENT) -> FairQueue:
    return FairQueue(PEOPLE, weights)


def trace_of(*jobs: tuple[int, float, float, float]) -> Trace:
    """(GPUs, submitted, run, limit) of one person each."""
    return Trace([TraceJob(PEOPLE[n % 6], at, gpus, run, limit) for n, (gpus, at, run, limit) in enumerate(jobs)], GPUS)


def starts(runs: Sequence[StartedJob]) -> list[float]:
    return [run.started_at for run in runs]


def test_jobs_start_at_the_next_look() -> None:
    assert starts(simulate(trace_of((1, 0, 50, 60), (1, 31, 50, 60)), Fifo())) == [0, 2 * CYCLE_SECONDS]


def test_fifo_passes_nobody_and_easy_those_who_do_not_delay_the_first() -> None:
    trace = trace_of((6, 0, 900, 900), (8, 30, 900, 900), (2, 60, 300, 600), (2, 90, 3000, 3000))
    assert starts(simulate(trace, Fifo())) == [0, 900, 1800, 1800]
    assert starts(simulate(trace, Easy())) == [0, 900, 60, 1800]


def test_the_fair_queue_takes_the_job_of_who_has_used_less() -> None:
    heavy, light = PEOPLE[0], PEOPLE[1]
    jobs = [TraceJob(heavy, at, 8, 600, 600) for at in (0, 0, 0)] + [TraceJob(light, 30, 8, 600, 600)]
    runs = simulate(Trace(jobs, GPUS), fair(Weights()))
    assert starts(runs) == [0, 1200, 1800, 600]


@pytest.mark.parametrize("policy", [Fifo(), Easy(), fair()], ids=lambda policy: str(policy.name))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_job_runs_once_and_no_gpu_is_given_twice(policy: Policy, data: st.DataObject) -> None:
    trace = data.draw(workloads())
    runs = simulate(trace, fair() if isinstance(policy, FairQueue) else policy)
    assert [run.job for run in runs] == list(trace.jobs)
    assert all(run.started_at >= run.job.submitted_at for run in runs)
    changes = sorted(
        change for run in runs for change in ((run.started_at, 1, run.job.gpus), (run.ended_at, 0, -run.job.gpus))
    )
    held = 0
    for _, _, gpus in changes:
        held += gpus
        assert held <= GPUS


@settings(max_examples=60, deadline=None)
@given(workloads())
def test_nobody_waits_longer_than_the_bound(trace: Trace) -> None:
    assert waits_beyond_bound(simulate(trace, fair()), IMPATIENT.overdue_seconds) == 0


def test_a_stream_of_short_jobs_starves_no_wide_one() -> None:
    wide = TraceJob(PEOPLE[0], 0.0, GPUS, 600, 20_000)
    stream = [TraceJob(PEOPLE[1 + n % 5], 15.0 * n, 4, 300, 300) for n in range(400)]
    blocking = TraceJob(PEOPLE[1], 0.0, 1, 300, 300)
    trace = Trace([blocking, *sorted([wide, *stream], key=lambda job: job.submitted_at)], GPUS)
    never = replace(IMPATIENT, overdue_seconds=1e9, soonest_overdue_seconds=1e9)
    waits = {
        weights: next(run.wait_seconds for run in simulate(trace, fair(weights)) if run.job is wide)
        for weights in (IMPATIENT, never)
    }
    assert waits[never] > 4 * IMPATIENT.overdue_seconds
    assert waits[IMPATIENT] <= 2 * IMPATIENT.overdue_seconds + 300 + 2 * CYCLE_SECONDS
