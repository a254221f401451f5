"""The order of waiting jobs: what comes first, and what nobody can do to others."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.queue.waiting import PEOPLE, job_lists, standing_maps, waiting_job
from tuning.errors import InvalidInput
from tuning.queue.order import Standing, Weights, ordered
from tuning.queue.waiting_job import JobClass, Person, WaitingJob

HOUR, DAY = 3600.0, 86400.0
WEIGHTS = Weights()
WEEK = replace(WEIGHTS, soonest_overdue_seconds=WEIGHTS.overdue_seconds)
"""Whatever the backlog is."""
GPUS = 8
ANA, BO = PEOPLE[0], PEOPLE[1]
Standings = dict[Person, Standing]


def ids(
    jobs: list[WaitingJob], standings: Standings | None = None, now: float = 0.0, weights: Weights = WEIGHTS
) -> list[str]:
    return [job.id for job in ordered(jobs, standings or {}, GPUS, now, weights)]


def test_classes_come_first() -> None:
    jobs = [
        waiting_job("s", job_class=JobClass.SCAVENGER),
        waiting_job("n"),
        waiting_job("u", job_class=JobClass.URGENT),
    ]
    assert ids(jobs) == ["u", "n", "s"]


def test_the_place_of_the_team_outweighs_waits_of_its_members() -> None:
    standings = {ANA: Standing(team_place=1.0, past_slowdowns=800.0, past_jobs=100.0), BO: Standing(team_place=0.0)}
    assert ids([waiting_job("a", person=ANA), waiting_job("b", person=BO)], standings) == ["b", "a"]


def test_the_fair_place_comes_next() -> None:
    standings = {ANA: Standing(fair_place=0.5), BO: Standing(fair_place=0.0)}
    assert ids([waiting_job("a", person=ANA), waiting_job("b", person=BO)], standings) == ["b", "a"]


def test_a_person_whose_jobs_waited_long_of_late_comes_sooner() -> None:
    standings = {BO: Standing(past_slowdowns=400.0, past_jobs=100.0)}
    assert ids([waiting_job("a", person=ANA), waiting_job("b", person=BO)], standings) == ["b", "a"]


def test_the_same_wait_brings_a_short_job_forward_sooner() -> None:
    jobs = [waiting_job("long", limit_seconds=DAY), waiting_job("short", limit_seconds=HOUR)]
    assert ids(jobs, now=HOUR) == ["short", "long"]


def test_equal_jobs_stand_by_age_then_by_id() -> None:
    jobs = [waiting_job("c", queued_at=5.0), waiting_job("b"), waiting_job("a")]
    assert ids(jobs, now=0.0) == ["a", "b", "c"]


def test_own_priority_holds_back_the_persons_lesser_jobs_and_moves_no_other() -> None:
    jobs = [waiting_job("a1"), waiting_job("b", person=BO, queued_at=1.0), waiting_job("a2", queued_at=2.0, priority=5)]
    assert ids(jobs, now=2.0) == ["b", "a2", "a1"]


def test_the_oldest_overdue_job_comes_before_all_but_short_ones_that_waited_long() -> None:
    late = waiting_job("late", person=ANA, limit_seconds=DAY, queued_at=0.0)
    now = WEIGHTS.overdue_seconds
    fresh = [
        waiting_job("short", person=BO, limit_seconds=HOUR, queued_at=now - 15 * HOUR),
        waiting_job("new", person=BO, limit_seconds=HOUR, queued_at=now - 14 * HOUR),
        waiting_job("long", person=BO, limit_seconds=2 * HOUR, queued_at=now - 2 * DAY),
    ]
    standings = {ANA: Standing(fair_place=1.0), BO: Standing(past_slowdowns=1e6, past_jobs=1.0)}
    assert ids([late, *fresh], standings, now - 1, WEEK) == ["long", "short", "new", "late"]
    assert ids([late, *fresh], standings, now, WEEK) == ["short", "late", "long", "new"]


@pytest.mark.parametrize(("gpus_of_long", "first"), [(1, "late"), (8 * 40, "new")])
def test_where_little_waits_the_oldest_is_overdue_sooner(gpus_of_long: int, first: str) -> None:
    now = 2 * DAY
    jobs = [
        waiting_job("late", limit_seconds=DAY),
        waiting_job("new", person=BO, limit_seconds=2 * HOUR, queued_at=DAY),
        waiting_job("long", limit_seconds=DAY, queued_at=now, gpus=gpus_of_long),
    ]
    assert ids(jobs, {BO: Standing(past_slowdowns=1e6, past_jobs=1.0)}, now)[0] == first


def test_twice_overdue_it_comes_before_these_too() -> None:
    late = waiting_job("late", limit_seconds=DAY)
    now = 2 * WEIGHTS.overdue_seconds
    short = waiting_job("short", person=BO, queued_at=now - 20 * HOUR)
    assert ids([short, late], now=now - 1) == ["short", "late"]
    assert ids([short, late], now=now) == ["late", "short"]


def test_a_clock_that_went_back_is_no_wait() -> None:
    jobs = [waiting_job("a", queued_at=1e9), waiting_job("b", queued_at=2e9, limit_seconds=0.0)]
    assert ids(jobs, now=5.0) == ["a", "b"]


@pytest.mark.parametrize("wrong", [{"half_life_seconds": -1.0}, {"half_life_seconds": math.nan}, {"person_share": 1.5}])
def test_weights_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Weights(**wrong)


@given(job_lists(), standing_maps, st.floats(0, 4e6), st.randoms(use_true_random=False))
def test_the_order_is_total_and_does_not_depend_on_how_jobs_are_given(
    jobs: list[WaitingJob], standings: Standings, now: float, shuffling: random.Random
) -> None:
    order = ids(jobs, standings, now)
    shuffled = list(jobs)
    shuffling.shuffle(shuffled)
    assert sorted(order) == sorted(job.id for job in jobs)
    assert ids(shuffled, standings, now) == order


@given(job_lists(), standing_maps, st.integers(-3, 3))
def test_priority_never_brings_a_person_forward(jobs: list[WaitingJob], standings: Standings, priority: int) -> None:
    """Before each job of somebody else there stand no more of one's own than without any priority."""
    plain = [job._replace(priority=0, job_class=JobClass.NORMAL) for job in jobs]
    given_one = [job._replace(priority=priority if job.id == "j0" else 0) for job in plain]
    person = jobs[0].person
    now = WEEK.overdue_seconds - 1
    before, after = ids(plain, standings, now, WEEK), ids(given_one, standings, now, WEEK)
    owners = {job.id: job.person for job in jobs}
    for other in (job.id for job in jobs if job.person != person):
        assert _own_before(after, other, owners, person) <= _own_before(before, other, owners, person)


@given(job_lists(), standing_maps)
def test_nobodys_job_comes_before_their_own_of_higher_priority(jobs: list[WaitingJob], standings: Standings) -> None:
    now = 1e5
    fresh = [job._replace(queued_at=min(job.queued_at, now)) for job in jobs]
    seen: dict[tuple[Person, JobClass], int] = {}
    for job in ordered(fresh, standings, GPUS, now, WEEK):
        group = (job.person, job.job_class)
        assert job.priority <= seen.get(group, job.priority)
        seen[group] = job.priority


def _own_before(order: list[str], other: str, owners: dict[str, Person], person: Person) -> int:
    return sum(owners[id_] == person for id_ in order[: order.index(other)])
