"""Scavengers give way to urgent jobs: the youngest, no more than needed, none for nothing."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import waiting_job
from tuning.queue.gpus import Gpus
from tuning.queue.preemption import ScavengerRun, yields
from tuning.queue.waiting_job import JobClass, WaitingJob


def urgent(id_: str, gpus: int) -> WaitingJob:
    return waiting_job(id_, gpus=gpus, job_class=JobClass.URGENT)


def chosen(jobs: list[WaitingJob], runs: list[ScavengerRun], free_gpus: int) -> list[tuple[str, str]]:
    return [(each.run.job_id, each.urgent.id) for each in yields(jobs, runs, Gpus(free_gpus))]


OLD, MIDDLE, YOUNG = ScavengerRun("old", 4, 0.0), ScavengerRun("middle", 1, 5.0), ScavengerRun("young", 2, 9.0)


def test_the_youngest_give_way_first() -> None:
    assert chosen([urgent("u", 3)], [OLD, MIDDLE, YOUNG], 1) == [("young", "u")]
    assert chosen([urgent("u", 3)], [OLD, MIDDLE, YOUNG], 0) == [("middle", "u"), ("young", "u")]


def test_who_is_not_needed_beside_a_wider_run_goes_on() -> None:
    assert chosen([urgent("u", 4)], [ScavengerRun("wide", 4, 0.0), MIDDLE], 0) == [("wide", "u")]


def test_of_those_that_are_not_needed_the_oldest_goes_on() -> None:
    narrow = [ScavengerRun("older", 1, 5.0), ScavengerRun("younger", 1, 9.0)]
    given_up = chosen([urgent("u", 5)], [ScavengerRun("wide", 4, 0.0), *narrow], 0)
    assert given_up == [("wide", "u"), ("younger", "u")]


def test_nobody_gives_way_for_a_job_that_starts_anyway_or_cannot() -> None:
    assert chosen([urgent("u", 3)], [OLD, YOUNG], 3) == []
    assert chosen([urgent("u", 9)], [OLD, MIDDLE, YOUNG], 1) == []


def test_a_job_that_cannot_start_keeps_nobody_from_the_next() -> None:
    assert chosen([urgent("wide", 99), urgent("u", 2)], [YOUNG], 0) == [("young", "u")]


runs = st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1e6)), max_size=12)


@given(st.lists(st.integers(1, 16), max_size=5), runs, st.integers(0, 16))
def test_no_run_is_held_for_nothing(wanted: list[int], held: list[tuple[int, float]], free_gpus: int) -> None:
    jobs = [urgent(f"u{n}", gpus) for n, gpus in enumerate(wanted)]
    scavengers = [ScavengerRun(f"s{n}", gpus, at) for n, (gpus, at) in enumerate(held)]
    found = yields(jobs, scavengers, Gpus(free_gpus))
    assert len({each.run.job_id for each in found}) == len(found)
    for job in jobs:
        given_up = [each.run.gpus for each in found if each.urgent == job]
        if given_up:
            assert sum(given_up) - min(given_up) < job.gpus <= sum(given_up) + free_gpus
        if given_up or job.gpus <= free_gpus:
            free_gpus += sum(given_up) - job.gpus
