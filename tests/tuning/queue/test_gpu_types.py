"""GPUs of several types in a pool: nobody is counted on GPUs of another type, and who takes any is counted as ever."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import PEOPLE, job_lists, waiting_job
from tuning.queue.backfill import in_turn, reserve, startable
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import forecast
from tuning.queue.gpus import Gpus
from tuning.queue.play import MOST_PLAYED, ExpectedJob, GpusNow, HeldGpus
from tuning.queue.preemption import ScavengerRun, yields
from tuning.queue.waiting_job import JobClass, RunningJob, WaitingJob
from tuning.queue.window import Pool, window

TYPES = ("a100", "v100")
NOW = 1000.0
counts = st.integers(0, 16)
free_gpus = st.builds(lambda a, v, unnamed: Gpus(a + v + unnamed, {"a100": a, "v100": v}), counts, counts, counts)
runs = st.lists(st.builds(RunningJob, st.integers(1, 8), st.floats(0, 1e6), st.sampled_from(TYPES)), max_size=8)
any_type = st.sampled_from((*TYPES, None))


@st.composite
def typed_jobs(draw: st.DrawFn) -> list[WaitingJob]:
    """Some ask for a type, some for none."""
    return [job._replace(gpu_type=draw(any_type)) for job in draw(job_lists())]


def a100(id_: str, gpus: int = 1, **more: float) -> WaitingJob:
    return waiting_job(id_, gpus=gpus, **more)._replace(gpu_type="a100")  # type: ignore[arg-type]


def v100(id_: str, gpus: int = 1, **more: float) -> WaitingJob:
    return a100(id_, gpus, **more)._replace(gpu_type="v100")


def of(a: int, v: int) -> Gpus:
    return Gpus(a + v, {"a100": a, "v100": v})


def ids(jobs: Sequence[WaitingJob]) -> list[str]:
    return [job.id for job in jobs]


def starting(jobs: list[WaitingJob], running: list[RunningJob], free: Gpus) -> list[str]:
    return ids(startable(jobs, running, free, 0.0, largest_pass_first=False))


def test_a_job_does_not_start_on_gpus_of_another_type() -> None:
    assert starting([a100("a")], [], of(0, 8)) == []
    assert starting([a100("a"), waiting_job("any"), v100("v")], [], of(0, 2)) == ["any", "v"]


def test_jobs_of_any_type_leave_a_type_to_those_that_ask_for_it_while_there_are_others() -> None:
    assert starting([waiting_job("any", gpus=4), a100("a", 4)], [], of(4, 4)) == ["any", "a"]
    assert starting([waiting_job("any", gpus=4), a100("a", 4)], [], of(4, 0)) == ["any"]


def test_a_reservation_is_for_the_time_when_the_type_comes_free() -> None:
    running = [RunningJob(4, 50.0, "v100"), RunningJob(4, 100.0, "a100")]
    found = reserve(a100("first", 3), running, of(0, 0))
    assert (found.starts_by, found.spare) == (100.0, Gpus(5, {"a100": 1, "v100": 4}))


def test_long_jobs_pass_on_another_type_and_not_on_that_which_is_reserved() -> None:
    jobs = [a100("first", 2), a100("long", limit_seconds=9e9), v100("other", limit_seconds=9e9)]
    assert starting(jobs, [RunningJob(1, 10.0, "a100")], of(1, 1)) == ["other"]


@given(typed_jobs(), runs, free_gpus, st.booleans())
def test_never_more_starts_than_is_free_of_each_type(
    jobs: list[WaitingJob], running: list[RunningJob], free: Gpus, largest: bool
) -> None:
    started = startable(jobs, running, free, 0.0, largest_pass_first=largest)
    assert sum(job.gpus for job in started) <= free.total
    for gpu_type in TYPES:
        assert sum(job.gpus for job in started if job.gpu_type == gpu_type) <= free.by_type[gpu_type]


@given(typed_jobs(), runs, free_gpus, st.booleans())
def test_who_passes_never_delays_the_first_of_any_type(
    jobs: list[WaitingJob], running: list[RunningJob], free: Gpus, largest: bool
) -> None:
    started = startable(jobs, running, free, 0.0, largest_pass_first=largest)
    first = next((job for job in jobs if job not in started), None)
    assume(first is not None)
    assert first is not None
    turn = len(in_turn(jobs, free))
    holding = [RunningJob(job.gpus, job.limit_seconds, job.gpu_type) for job in started]
    before = reserve(first, [*running, *holding[:turn]], free.less_all(started[:turn]))
    after = reserve(first, [*running, *holding], free.less_all(started))
    assert after.starts_by <= before.starts_by


@given(job_lists(), runs, free_gpus, st.booleans())
def test_jobs_of_any_type_start_as_if_there_were_no_types(
    jobs: list[WaitingJob], running: list[RunningJob], free: Gpus, largest: bool
) -> None:
    alike = [replace(run, gpu_type=None) for run in running]
    expected = startable(jobs, alike, Gpus(free.total), 0.0, largest_pass_first=largest)
    assert startable(jobs, running, free, 0.0, largest_pass_first=largest) == expected


@given(typed_jobs(), runs, counts, st.booleans())
def test_where_types_are_not_told_apart_they_change_nothing(
    jobs: list[WaitingJob], running: list[RunningJob], free: int, largest: bool
) -> None:
    untyped = [job._replace(gpu_type=None) for job in jobs]
    expected = startable(untyped, running, Gpus(free), 0.0, largest_pass_first=largest)
    assert ids(startable(jobs, running, Gpus(free), 0.0, largest_pass_first=largest)) == ids(expected)


def take_turns(count: int, gpu_type: str) -> list[WaitingJob]:
    return [waiting_job(f"{gpu_type}-{n}", person=PEOPLE[n % 2])._replace(gpu_type=gpu_type) for n in range(count)]


FULL = (RunningJob(8, 1e9, "a100"), RunningJob(8, 1e9, "v100"))


def test_the_window_hands_over_what_fills_a_type_that_is_free_or_comes_free_soon() -> None:
    jobs = [*take_turns(30, "a100"), *take_turns(5, "v100")]
    pool = Pool(free=of(0, 1), soon_free=of(0, 1), running=FULL)
    assert ids(window(jobs, (), pool, 3, 0.0).handed_over) == ["a100-0", "a100-1", "a100-2", "v100-0", "v100-1"]


def test_the_window_is_no_longer_for_gpus_of_a_type_that_nobody_asks_for() -> None:
    pool = Pool(free=of(0, 8), soon_free=of(0, 0), running=FULL)
    assert len(window(take_turns(30, "a100"), (), pool, 3, 0.0).handed_over) == 3


def test_scavengers_are_held_back_only_from_the_type_that_an_urgent_job_waits_for() -> None:
    urgent = a100("urgent", 8)._replace(job_class=JobClass.URGENT)
    scavengers = [job._replace(job_class=JobClass.SCAVENGER) for job in (a100("a"), v100("v"), waiting_job("any"))]
    pool = Pool(free=of(1, 1), soon_free=of(0, 0), running=FULL)
    assert ids(window([urgent, *scavengers], {"urgent"}, pool, 9, 0.0).handed_over) == ["v"]
    assert ids(window([urgent._replace(gpu_type=None), *scavengers], {"urgent"}, pool, 9, 0.0).handed_over) == []


@given(typed_jobs(), st.data(), free_gpus, st.integers(1, 9))
def test_beyond_the_window_no_more_is_handed_over_than_types_are_free(
    jobs: list[WaitingJob], data: st.DataObject, free: Gpus, length: int
) -> None:
    in_slurm = data.draw(st.sets(st.sampled_from(ids(jobs))))
    pool = Pool(free, free.none(), FULL)
    found = window(jobs, in_slurm, pool, length, 2e6)
    after = (in_slurm | set(ids(found.handed_over))) - set(ids(found.taken_back))
    again = window(jobs, after, pool, length, 2e6)
    assert not set(ids(again.handed_over)) & set(ids(found.taken_back))
    assert not set(ids(again.taken_back)) & set(ids(found.handed_over))
    if len({(job.person, job.job_class, job.priority) for job in jobs}) > 1:
        kept_back = [job for job in jobs if job.job_class is JobClass.SCAVENGER and job.id not in after]
        behind = [job for job in jobs if job not in kept_back][length:]
        assert not [job for job in behind if job in found.handed_over and free.of(job.gpu_type) <= 0]


def held(gpus: int, ends_in: float, gpu_type: str | None) -> HeldGpus:
    return HeldGpus(gpus, Estimate.exactly(NOW + ends_in), NOW + ends_in, gpu_type=gpu_type)


def starts(jobs: list[WaitingJob], holding: list[HeldGpus], free: Gpus) -> dict[str, float]:
    expected = [ExpectedJob(job, Estimate.exactly(job.limit_seconds)) for job in jobs]
    return {id_: its.starts_at.expected - NOW for id_, its in forecast(expected, [GpusNow(holding, free)], NOW).items()}


def test_the_forecast_waits_for_the_type_that_a_job_asks_for() -> None:
    holding = [held(4, 100.0, "v100"), held(4, 500.0, "a100")]
    assert starts([a100("a", 4), v100("v", 4)], holding, of(0, 0)) == {"a": 500.0, "v": 100.0}


def test_no_start_is_foretold_on_gpus_of_another_type() -> None:
    assert starts([a100("wide", 5), a100("a")], [held(8, 9.0, "v100")], of(4, 0)) == {"a": 0.0}


def test_a_long_queue_for_one_type_does_not_delay_the_other_in_the_forecast() -> None:
    jobs = [*take_turns(200, "a100"), v100("v")]
    assert starts(jobs, [held(1, 1e6, "a100")], of(0, 1))["v"] == 0.0


def test_starts_far_behind_follow_from_the_gpu_time_of_their_type() -> None:
    jobs = [job for pair in zip(take_turns(400, "a100"), take_turns(400, "v100"), strict=True) for job in pair]
    jobs = [job._replace(limit_seconds=100.0 if job.gpu_type == "a100" else 10.0) for job in jobs]
    found = starts(jobs, [], of(1, 1))
    assert found["v100-399"] == 10.0 * 399
    assert found["a100-399"] == 100.0 * 399
    assert len(jobs) > MOST_PLAYED


@given(typed_jobs(), st.lists(st.builds(held, st.integers(0, 8), st.floats(0, 1e6), any_type), max_size=6), free_gpus)
def test_only_jobs_that_fit_their_type_have_a_forecast(
    jobs: list[WaitingJob], holding: list[HeldGpus], free: Gpus
) -> None:
    found = starts(jobs, holding, free)
    gpus = free.plus_all(holding)
    assert found.keys() == {job.id for job in jobs if job.gpus <= gpus.of(job.gpu_type)}
    assert all(at >= 0.0 for at in found.values())
    now = [job for job in jobs if found.get(job.id) == 0.0 and not any(each.ends_at.low <= NOW for each in holding)]
    for gpu_type in TYPES:
        at_once = sum(job.gpus for job in now if job.gpu_type == gpu_type and job.limit_seconds >= 1)
        assert at_once <= free.by_type[gpu_type]


@given(job_lists(), st.lists(st.builds(held, st.integers(0, 8), st.floats(0, 1e6), any_type), max_size=6), free_gpus)
def test_jobs_of_any_type_have_the_forecast_that_they_had_without_types(
    jobs: list[WaitingJob], holding: list[HeldGpus], free: Gpus
) -> None:
    alike = [replace(each, gpu_type=None) for each in holding]
    assert starts(jobs, holding, free) == starts(jobs, alike, Gpus(free.total))


def test_scavengers_of_the_type_that_is_asked_give_way() -> None:
    on_v, on_a, unknown = (
        ScavengerRun(name, 4, began, gpu_type)
        for name, began, gpu_type in (("v", 9.0, "v100"), ("a", 5.0, "a100"), ("unknown", 7.0, None))
    )
    urgent = a100("u", 4)._replace(job_class=JobClass.URGENT)
    assert [each.run for each in yields([urgent], [on_v, on_a, unknown], of(0, 4))] == [on_a]
    assert [each.run for each in yields([urgent], [on_v, unknown], of(0, 4))] == []
    assert [each.run for each in yields([urgent._replace(gpu_type=None)], [on_v, on_a], of(0, 0))] == [on_v]
    assert [each.run for each in yields([urgent], [on_v], Gpus(0))] == [on_v]


@given(typed_jobs(), st.lists(st.tuples(st.integers(0, 8), any_type), max_size=12), free_gpus)
def test_what_gives_way_is_enough_by_type_and_none_of_it_too_much(
    jobs: list[WaitingJob], scavengers: list[tuple[int, str | None]], free: Gpus
) -> None:
    running = [ScavengerRun(f"s{n}", gpus, float(n), gpu_type) for n, (gpus, gpu_type) in enumerate(scavengers)]
    found = yields(jobs, running, free)
    for job in jobs:
        given_up = [each.run for each in found if each.urgent == job]
        if given_up:
            assert job.gpus <= free.plus_all(given_up).of(job.gpu_type)
            least = min(given_up, key=lambda run: run.gpus)
            assert job.gpus > free.plus_all(run for run in given_up if run is not least).of(job.gpu_type)
        if given_up or job.gpus <= free.of(job.gpu_type):
            free = free.plus_all(given_up).less(job)
