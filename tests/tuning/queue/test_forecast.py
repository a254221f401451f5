"""Forecast of the queue: the order of the bounds, nothing before now, and what a first job waits for."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import job_lists, waiting_job
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import Forecast, after_others, by_slurms_word, forecast
from tuning.queue.gpus import Gpus
from tuning.queue.play import MOST_PLAYED, ExpectedJob, GpusNow, HeldGpus
from tuning.queue.waiting_job import WaitingJob

NOW = 1000.0
SECONDS = st.integers(-10_000, 1_000_000)
ESTIMATES = st.builds(Estimate.around, SECONDS, SECONDS, SECONDS)
HOLDING = st.lists(st.builds(HeldGpus, st.integers(0, 8), ESTIMATES, st.floats(0, 1e6)), max_size=6)


def held(gpus: int, ends_in: float, limit_in: float | None = None) -> HeldGpus:
    return HeldGpus(gpus, Estimate.exactly(NOW + ends_in), NOW + (ends_in if limit_in is None else limit_in))


def expected(job: WaitingJob, seconds: float | None = None) -> ExpectedJob:
    return ExpectedJob(job, Estimate.exactly(job.limit_seconds if seconds is None else seconds))


def starts(jobs: list[ExpectedJob], holding: list[HeldGpus], free: int) -> dict[str, float]:
    found = forecast(jobs, [GpusNow(holding, Gpus(free))], NOW)
    return {id_: its.starts_at.expected - NOW for id_, its in found.items()}


def test_jobs_start_now_where_gpus_are_free_and_else_with_the_next_end() -> None:
    jobs = [expected(waiting_job("a")), expected(waiting_job("b"))]
    assert starts(jobs, [held(1, 300.0)], 1) == {"a": 0.0, "b": 300.0}


def test_a_job_starts_when_those_before_it_have_ended_not_by_their_limits() -> None:
    jobs = [expected(waiting_job("a"), 50.0), expected(waiting_job("b"))]
    assert starts(jobs, [], 1) == {"a": 0.0, "b": 50.0}


def test_a_short_job_passes_a_wide_one_by_time_limits() -> None:
    wide, short = waiting_job("wide", gpus=2), waiting_job("short", limit_seconds=60.0)
    assert starts([expected(wide), expected(short)], [held(1, 100.0)], 1) == {"wide": 100.0, "short": 0.0}


def test_a_job_that_never_fits_is_left_out_and_holds_nobody_up() -> None:
    jobs = [expected(waiting_job("never", gpus=9)), expected(waiting_job("a"))]
    assert starts(jobs, [], 1) == {"a": 0.0}


def test_a_job_without_gpus_starts_now() -> None:
    assert starts([expected(waiting_job("a", gpus=0))], [], 0) == {"a": 0.0}


def test_a_run_that_should_have_ended_ends_now() -> None:
    assert starts([expected(waiting_job("a"))], [held(1, -500.0)], 0) == {"a": 0.0}


def test_the_first_job_starts_no_sooner_than_a_run_can_end() -> None:
    holding = [HeldGpus(1, Estimate(NOW + 90, NOW + 100, NOW + 120), NOW + 500)]
    its = forecast([expected(waiting_job("a"))], [GpusNow(holding, Gpus(0))], NOW)["a"]
    assert its.starts_at == Estimate(NOW + 90, NOW + 100, NOW + 120 * 1.5 + 600)


def test_jobs_far_behind_follow_from_the_gpu_time_before_them() -> None:
    jobs = [expected(waiting_job(f"j{n}", limit_seconds=100.0)) for n in range(MOST_PLAYED + 3)]
    found = starts(jobs, [], 1)
    assert found[f"j{MOST_PLAYED + 2}"] == 100.0 * (MOST_PLAYED + 2)


def test_the_end_is_start_and_run() -> None:
    job = ExpectedJob(waiting_job("a"), Estimate(10.0, 20.0, 40.0))
    its = forecast([job], [GpusNow([], Gpus(1))], NOW)["a"]
    assert its.ends_at == Estimate(NOW + 10.0, NOW + 20.0, its.starts_at.high + 40.0)


@given(job_lists(), st.lists(ESTIMATES, min_size=1, max_size=5), HOLDING, st.integers(-2, 16))
def test_bounds_are_in_order_and_nothing_starts_before_now(
    jobs: list[WaitingJob], runs: list[Estimate], holding: list[HeldGpus], free: int
) -> None:
    ordered = [ExpectedJob(job, runs[number % len(runs)]) for number, job in enumerate(jobs)]
    found = forecast(ordered, [GpusNow(holding, Gpus(free))], NOW)
    gpus = max(free, 0) + sum(each.gpus for each in holding)
    assert found.keys() == {job.id for job in jobs if job.gpus <= gpus}
    for its in found.values():
        for estimate in (its.starts_at, its.ends_at):
            assert NOW <= estimate.low <= estimate.expected <= estimate.high


@given(job_lists(), HOLDING, st.integers(0, 16))
def test_the_first_of_a_queue_starts_no_later_with_more_free_gpus(
    jobs: list[WaitingJob], holding: list[HeldGpus], free: int
) -> None:
    first = [expected(jobs[0])]
    fewer, more = (starts(first, holding, gpus) for gpus in (free, free + 1))
    if fewer:
        assert more[jobs[0].id] <= fewer[jobs[0].id]


OURS = Forecast(Estimate(NOW + 10, NOW + 20, NOW + 30), Estimate(NOW + 15, NOW + 25, NOW + 35))
RUN = Estimate(5.0, 5.0, 5.0)


def test_slurms_word_is_a_later_bound_or_a_sooner_start() -> None:
    later = by_slurms_word(OURS, NOW + 99, RUN, NOW)
    assert later.starts_at == Estimate(NOW + 10, NOW + 20, NOW + 99)
    assert later.ends_at == Estimate(NOW + 15, NOW + 25, NOW + 104)
    assert by_slurms_word(OURS, NOW + 15, RUN, NOW).starts_at == Estimate(NOW + 10, NOW + 15, NOW + 30)


def test_a_start_of_slurms_that_has_passed_is_now() -> None:
    for ours in (None, OURS):
        assert by_slurms_word(ours, NOW - 50, RUN, NOW).starts_at.low == NOW
    assert by_slurms_word(None, NOW - 50, RUN, NOW).starts_at == Estimate.exactly(NOW)


def test_a_job_starts_after_the_last_of_those_that_it_waits_for_and_never_before_now() -> None:
    awaited = [Estimate(NOW - 9, NOW + 1, NOW + 2), Estimate(NOW - 8, NOW, NOW + 9)]
    assert after_others(awaited, RUN, NOW).starts_at == Estimate(NOW, NOW + 1, NOW + 9)
    assert after_others(awaited, RUN, NOW).ends_at == Estimate(NOW + 5, NOW + 6, NOW + 14)
