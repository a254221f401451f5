"""A job at a limit is passed by smaller ones only for so long: the bound holds whatever comes and goes first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.queue.limits.limited import job_lists, limit, limit_lists, limited_job
from tuning.queue.limits.admission import Admission, admitted, never_fits
from tuning.queue.limits.limit import Limit, LimitedJob, LimitKind, Limits, Tally, uses_of
from tuning.queue.limits.reservations import reservations
from tuning.queue.order import Weights

HOUR = timedelta(hours=1)
WEIGHTS = Weights(overdue_seconds=24 * 3600, soonest_overdue_seconds=6 * 3600)
LONGEST_HOURS = 8
SMALL = st.builds(lambda gpus, hours: (gpus, hours), st.integers(1, 4), st.integers(1, LONGEST_HOURS))


def look(jobs: Sequence[LimitedJob], limits: Limits, live: Iterable[LimitedJob], now: datetime) -> Admission:
    uses = uses_of(limits, live, {})
    return admitted(jobs, limits, uses, reservations(jobs, limits, uses, now, WEIGHTS))


@dataclass
class Lab:
    """Jobs under limits that start as soon as they may: those of others always come first in the order."""

    limits: Limits
    now: datetime = NOON
    live: list[LimitedJob] = field(default_factory=list)
    waiting: list[LimitedJob] = field(default_factory=list)
    started: dict[str, datetime] = field(default_factory=dict)

    def add(self, id_: str, **values: Any) -> None:
        self.waiting.append(limited_job(id_, queued_at=self.now, **values))

    def step(self, ends_early: bool = False) -> None:
        """Let what may start, and an hour pass; by then some end sooner than they had to."""
        small_first = sorted(self.waiting, key=lambda job: (job.id.startswith("large"), job.queued_at))
        for job_id in look(small_first, self.limits, self.live, self.now).starting:
            [job] = [each for each in self.waiting if each.id == job_id]
            self.waiting.remove(job)
            self.started[job_id] = self.now
            self.live.append(job._replace(ends_by=self.now + timedelta(seconds=job.limit_seconds)))
        self.now += HOUR
        self.live = [job for job in self.live if job.ends_by and job.ends_by > self.now]
        if ends_early and self.live:
            self.live.pop()


@given(st.lists(SMALL, min_size=1, max_size=30), st.integers(5, 8), st.booleans(), st.integers(1, 2))
def test_a_large_job_starts_within_the_bound(
    small: list[tuple[int, int]], gpus: int, ends_early: bool, larges: int
) -> None:
    """Overdue, then the longest time limit once for itself and once for each older one."""
    lab = Lab(Limits([limit(LimitKind.GPUS, 8, team="mt"), limit(LimitKind.RUNNING_JOBS, 6)]))
    hours = 24 + LONGEST_HOURS * larges + 1
    for number in range(hours):
        for n in range(3):
            its_gpus, its_hours = small[(3 * number + n) % len(small)]
            lab.add(f"small{number}.{n}", user="bo", gpus=its_gpus, hours=its_hours)
        if number == 0:
            for n in range(larges):
                lab.add(f"large{n}", user="ana", gpus=gpus, hours=LONGEST_HOURS)
        lab.step(ends_early=ends_early and number % 3 == 0)
    assert {f"large{n}" for n in range(larges)} <= lab.started.keys()


@given(limit_lists(), job_lists("live"), job_lists("job"), st.lists(st.integers(0, 60), min_size=20, max_size=20))
def test_a_look_at_those_let_in_lets_all_of_them_in(
    limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob], ages: list[int]
) -> None:
    """The claim looks again, at these alone, and with other reservations therefore."""
    known = Limits(limits)
    aged = [job._replace(queued_at=NOON - age * HOUR) for job, age in zip(jobs, ages, strict=False)]
    running = [job._replace(ends_by=NOON + HOUR) for job in live]
    first = look(aged, known, running, NOON).starting
    assert look([job for job in aged if job.id in first], known, running, NOON).starting == first


@given(limit_lists(), job_lists("live"), job_lists("job"), st.lists(st.integers(0, 60), min_size=20, max_size=20))
def test_the_oldest_overdue_job_is_held_by_what_runs_alone(
    limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob], ages: list[int]
) -> None:
    """Whatever comes before it in the order: nobody waits for each other."""
    known, uses = Limits(limits), uses_of(Limits(limits), live, {})
    aged = [job._replace(queued_at=NOON - (age + 24) * HOUR) for job, age in zip(jobs, ages, strict=False)]
    fitting = [job for job in aged if not never_fits(job, known)]
    if not fitting:
        return
    oldest = min(fitting, key=lambda job: (job.place.job_class != "urgent", job.queued_at, job.id))
    last = [*(job for job in aged if job is not oldest), oldest]
    is_let_in_alone = bool(admitted([oldest], known, uses).starting)
    assert (oldest.id in look(last, known, live, NOON).starting) == is_let_in_alone


def overdue(id_: str = "large", hours_ago: float = 30, **values: Any) -> LimitedJob:
    return limited_job(id_, queued_at=NOON - hours_ago * HOUR, **values)


def starting(jobs: Sequence[LimitedJob], *limits: Limit, live: Sequence[LimitedJob] = ()) -> tuple[str, ...]:
    return look(jobs, Limits(limits), live, NOON).starting


def test_before_it_is_overdue_it_is_passed() -> None:
    live = [limited_job("x", gpus=4, ends=NOON + 2 * HOUR)]
    jobs = [limited_job("small", hours=9), overdue(gpus=8, hours_ago=5)]
    assert starting(jobs, limit(LimitKind.GPUS, 8, team="mt"), live=live) == ("small",)


def test_what_ends_before_the_reservation_passes_and_what_would_delay_it_waits() -> None:
    live = [limited_job("x", gpus=4, ends=NOON + 2 * HOUR)]
    jobs = [limited_job("long", hours=3), limited_job("short", hours=2), overdue(gpus=8)]
    found = look(jobs, Limits([limit(LimitKind.GPUS, 8, team="mt")]), live, NOON)
    assert found.starting == ("short",)
    assert (found.held["long"].is_behind, found.held["large"].is_behind) == (True, False)


def test_what_the_reservation_does_not_need_is_free_to_all() -> None:
    live = [limited_job("x", gpus=4, ends=NOON + 2 * HOUR)]
    jobs = [limited_job(f"small{n}", gpus=1, hours=9) for n in range(3)]
    assert starting([*jobs, overdue(gpus=6)], limit(LimitKind.GPUS, 8, team="mt"), live=live) == ("small0", "small1")


def test_one_that_fits_at_last_keeps_its_part_until_its_turn() -> None:
    jobs = [limited_job("small", gpus=1, hours=9), overdue(gpus=8)]
    assert starting(jobs, limit(LimitKind.GPUS, 8, team="mt")) == ("large",)


def test_where_nobody_knows_an_end_nothing_passes() -> None:
    live = [limited_job("x", gpus=4)]
    jobs = [limited_job("small", gpus=1), overdue(gpus=8)]
    assert starting(jobs, limit(LimitKind.GPUS, 8, team="mt"), live=live) == ()


def test_hours_are_kept_for_an_overdue_job() -> None:
    known, small = Limits([limit(LimitKind.GPU_HOURS, 100, team="mt")]), limited_job("small")
    large = overdue(gpus=8, hours=10)
    uses = uses_of(known, [], {LimitKind.GPU_HOURS: [Tally(small.place, 30.0)]})
    kept = reservations([small, large], known, uses, NOON, WEIGHTS)
    assert admitted([small, large], known, uses).starting == ("small",)
    assert admitted([small, large], known, uses, kept).starting == ()


@pytest.mark.parametrize(
    ("large", "limits"),
    [
        (overdue(gpus=9), [limit(LimitKind.GPUS, 8, team="mt")]),
        (overdue(gpus=8, hours=30), [limit(LimitKind.GPUS, 8, team="mt"), limit(LimitKind.TIME_LIMIT, 3600)]),
        (overdue(gpus=8), [limit(LimitKind.GPUS, 8, team="mt"), limit(LimitKind.RUNNING_JOBS, 0, user="ana")]),
    ],
)
def test_a_job_that_no_end_lets_start_reserves_nothing(large: LimitedJob, limits: list[Limit]) -> None:
    jobs = [limited_job("small", user="bo"), large]
    assert starting(jobs, *limits, live=[limited_job("x", user="bo", gpus=4)]) == ("small",)


def test_urgent_jobs_pass_a_normal_one() -> None:
    live = [limited_job("x", gpus=4, ends=NOON + 2 * HOUR)]
    jobs = [limited_job("urgent", hours=9, job_class="urgent"), overdue(gpus=8)]
    assert starting(jobs, limit(LimitKind.GPUS, 8, team="mt"), live=live) == ("urgent",)


def test_a_queue_that_is_long_anyway_makes_nobody_overdue_sooner() -> None:
    """The time that the limit needs for all that waits is no starvation, up to the longest time."""
    live = [limited_job("x", gpus=4, ends=NOON + 2 * HOUR)]
    many = [limited_job(f"small{n}", gpus=4, hours=8) for n in range(4)]
    jobs = [*many, overdue(gpus=8, hours_ago=20)]
    assert starting(jobs, limit(LimitKind.GPUS, 8, team="mt"), live=live) == ("small0",)
