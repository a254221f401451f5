"""The window: Slurm has enough to keep its GPUs busy, and the order stays ours."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import PEOPLE, job_lists, waiting_job
from tuning.queue.gpus import Gpus
from tuning.queue.waiting_job import JobClass, RunningJob, WaitingJob
from tuning.queue.window import Pool, window

FULL = Pool(free=Gpus(0), soon_free=Gpus(0), running=(RunningJob(8, 1e9),))


def people_take_turns(count: int, gpus: int = 1) -> list[WaitingJob]:
    return [waiting_job(f"j{n:03}", person=PEOPLE[n % 2], gpus=gpus) for n in range(count)]


def ids(jobs: Sequence[WaitingJob]) -> list[str]:
    return [job.id for job in jobs]


def test_so_many_wait_in_slurm_as_the_window_is_long() -> None:
    jobs = people_take_turns(10)
    assert ids(window(jobs, {"j001"}, FULL, 3, 0.0).handed_over) == ["j000", "j002"]


def test_more_are_handed_over_where_more_gpus_are_free_or_come_free_soon() -> None:
    pool = Pool(free=Gpus(4), soon_free=Gpus(2), running=FULL.running)
    assert len(window(people_take_turns(10), (), pool, 3, 0.0).handed_over) == 6


def test_what_fits_free_gpus_is_not_held_back_by_wide_jobs_before_it() -> None:
    jobs = [*people_take_turns(4, gpus=16), waiting_job("narrow", gpus=2, limit_seconds=60)]
    pool = Pool(free=Gpus(2), soon_free=Gpus(0), running=(RunningJob(14, 3600.0),))
    assert ids(window(jobs, (), pool, 2, 0.0).handed_over) == ["j000", "j001", "narrow"]


def test_who_comes_to_the_front_is_handed_over_though_others_fill_the_window() -> None:
    jobs = people_take_turns(10)
    assert ids(window(jobs, set(ids(jobs[1:])), FULL, 3, 0.0).handed_over) == ["j000"]


def test_what_fell_behind_by_more_than_the_window_is_taken_back_last_first() -> None:
    jobs = people_take_turns(9)
    assert ids(window(jobs, {"j002", "j005", "j007", "j008"}, FULL, 3, 0.0).taken_back) == ["j008", "j007"]


def test_where_jobs_differ_by_age_alone_all_are_handed_over() -> None:
    jobs = [waiting_job(f"j{n}", queued_at=float(n)) for n in range(50)]
    assert len(window(jobs, (), FULL, 3, 0.0).handed_over) == 50
    assert len(window([*jobs, waiting_job("first", priority=1)], (), FULL, 3, 0.0).handed_over) == 3


def test_where_nothing_is_known_of_gpus_all_are_handed_over() -> None:
    jobs = people_take_turns(50)
    assert ids(window(jobs, {"j001"}, None, 3, 0.0).handed_over) == ids([jobs[0], *jobs[2:]])


def test_scavengers_wait_while_an_urgent_job_waits_for_gpus() -> None:
    scavenger = waiting_job("s", job_class=JobClass.SCAVENGER)
    urgent = waiting_job("u", job_class=JobClass.URGENT, gpus=8)
    pool = Pool(free=Gpus(2), soon_free=Gpus(0), running=(RunningJob(6, 10.0),))
    assert ids(window([urgent, scavenger], {"u"}, pool, 9, 0.0).handed_over) == []
    impossible = waiting_job("u", job_class=JobClass.URGENT, gpus=99)
    assert ids(window([impossible, scavenger], {"u"}, pool, 9, 0.0).handed_over) == ["s"]


def test_who_needs_no_gpus_does_not_wait_for_those_of_others() -> None:
    jobs = [*people_take_turns(10), waiting_job("check", gpus=0)]
    assert ids(window(jobs, (), FULL, 3, 0.0).handed_over)[-1] == "check"
    assert (
        len(
            window(
                [waiting_job(f"{n}", gpus=0, priority=n) for n in range(9)], (), Pool(Gpus(0), Gpus(0)), 3, 0.0
            ).handed_over
        )
        == 3
    )


def test_nobody_waits_and_nothing_is_done() -> None:
    found = window([], (), FULL, 3, 0.0)
    assert not found.handed_over
    assert not found.taken_back


@given(job_lists(), st.data(), st.integers(0, 20), st.integers(0, 8), st.integers(1, 9))
def test_gpus_are_kept_busy_and_nothing_is_moved_to_and_fro(
    jobs: list[WaitingJob], data: st.DataObject, free_gpus: int, soon: int, length: int
) -> None:
    in_slurm = data.draw(st.sets(st.sampled_from(ids(jobs))))
    found = window(jobs, in_slurm, Pool(Gpus(free_gpus), Gpus(soon), FULL.running), length, 2e6)
    given_over, back = set(ids(found.handed_over)), set(ids(found.taken_back))
    assert not given_over & in_slurm
    assert back <= in_slurm
    after = (in_slurm | given_over) - back
    again = window(jobs, after, Pool(Gpus(free_gpus), Gpus(soon), FULL.running), length, 2e6)
    assert not set(ids(again.handed_over)) & back
    assert not set(ids(again.taken_back)) & given_over
    if not any(job.job_class is JobClass.URGENT for job in jobs):
        waits = [job for job in jobs if job.id not in after]
        assert not waits or sum(job.gpus for job in jobs if job.id in after) >= min(free_gpus, 1)
