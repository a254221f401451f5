"""Backfill: who starts now, who passes, and that nobody who passes delays the first."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import job_lists, waiting_job
from tuning.queue.backfill import Reservation, in_turn, reserve, startable
from tuning.queue.gpus import Gpus
from tuning.queue.waiting_job import RunningJob, WaitingJob

RUNNING = st.lists(st.builds(RunningJob, st.integers(1, 8), st.floats(0, 1e6)), max_size=8)


def ids(jobs: list[WaitingJob]) -> list[str]:
    return [job.id for job in jobs]


def test_all_start_for_whom_there_are_gpus() -> None:
    jobs = [waiting_job("a", gpus=2), waiting_job("b", gpus=2)]
    assert startable(jobs, [], Gpus(4), 0.0, largest_pass_first=False) == jobs


def test_a_job_passes_that_ends_before_the_first_can_start() -> None:
    jobs = [
        waiting_job("wide", gpus=4),
        waiting_job("long", limit_seconds=101),
        waiting_job("short", limit_seconds=100),
    ]
    assert ids(startable(jobs, [RunningJob(2, 100.0)], Gpus(2), 0.0, largest_pass_first=False)) == ["short"]


def test_a_job_passes_on_gpus_that_the_first_leaves() -> None:
    jobs = [waiting_job("wide", gpus=3), waiting_job("a", limit_seconds=9e9), waiting_job("b", limit_seconds=9e9)]
    assert ids(startable(jobs, [RunningJob(2, 100.0)], Gpus(2), 0.0, largest_pass_first=False)) == ["a"]


def test_what_starts_in_turn_holds_its_gpus_in_the_reservation() -> None:
    jobs = [waiting_job("a", gpus=2, limit_seconds=50), waiting_job("wide", gpus=4), waiting_job("b", limit_seconds=60)]
    assert ids(startable(jobs, [RunningJob(1, 10.0)], Gpus(3), 0.0, largest_pass_first=False)) == ["a"]


def test_the_largest_pass_first_where_it_is_said() -> None:
    jobs = [waiting_job("wide", gpus=4), waiting_job("small"), waiting_job("large", gpus=2)]
    running = [RunningJob(2, 1e6)]
    assert ids(startable(jobs, running, Gpus(2), 0.0, largest_pass_first=True)) == ["large"]
    assert ids(startable(jobs, running, Gpus(2), 0.0, largest_pass_first=False)) == ["small"]


def test_in_turn_nobody_passes() -> None:
    assert ids(in_turn([waiting_job("a"), waiting_job("wide", gpus=4), waiting_job("b")], Gpus(2))) == ["a"]


def test_a_reservation_counts_all_that_end_at_its_moment() -> None:
    assert reserve(
        waiting_job("a", gpus=3), [RunningJob(2, 5.0), RunningJob(2, 5.0), RunningJob(2, 9.0)], Gpus(1)
    ) == Reservation(5.0, Gpus(2))


def test_what_never_fits_has_no_reservation() -> None:
    assert reserve(waiting_job("a", gpus=9), [RunningJob(2, 5.0)], Gpus(1)) == Reservation(math.inf, Gpus(0))


@given(job_lists(), RUNNING, st.integers(0, 16), st.booleans())
def test_never_more_than_is_free_and_never_later_for_the_first(
    jobs: list[WaitingJob], running: list[RunningJob], free: int, largest: bool
) -> None:
    started = startable(jobs, running, Gpus(free), 0.0, largest_pass_first=largest)
    assert sum(job.gpus for job in started) <= free
    first = next((job for job in jobs if job not in started), None)
    in_order = in_turn(jobs, Gpus(free))
    assert started[: len(in_order)] == in_order
    if first is not None:
        before = free - sum(job.gpus for job in in_order)
        after = free - sum(job.gpus for job in started)
        held = [*running, *(RunningJob(job.gpus, job.limit_seconds) for job in in_order)]
        later = [*held, *(RunningJob(job.gpus, job.limit_seconds) for job in started[len(in_order) :])]
        assert reserve(first, later, Gpus(after)).starts_by <= reserve(first, held, Gpus(before)).starts_by
