"""Forecast at limits: a job starts when those that hold its limit end, or their hours cease to count."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.queue.limits.limited import job_lists, limit, limit_lists, limited_job
from tests.tuning.queue.waiting import waiting_job
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import Forecast, forecast
from tuning.queue.gpus import Gpus
from tuning.queue.limits.admission import admitted
from tuning.queue.limits.ahead import LimitsAhead
from tuning.queue.limits.limit import EACH, Limit, LimitedJob, LimitKind, Limits, Place, Tally, Use, uses_of
from tuning.queue.play import MOST_PLAYED, ExpectedJob, GpusNow, HeldGpus

NOW = NOON.timestamp()
HOUR = 3600.0
DAY = 24 * HOUR
ANA = Place("ana", "mt", "lab", "gpu", "normal")


def waits(
    id_: str, *, pool: int = 0, runs_hours: float | None = None, claimed: bool = False, **values: Any
) -> ExpectedJob:
    """A job of ana that runs for as long as it asked for, unless told otherwise."""
    limited = limited_job(id_, **values)
    job = waiting_job(id_, gpus=limited.gpus, limit_seconds=limited.limit_seconds)
    run = limited.limit_seconds if runs_hours is None else runs_hours * HOUR
    return ExpectedJob(job, Estimate.exactly(run), pool, None if claimed else limited)


def runs(id_: str, ends_in_hours: float, *, gpus: int = 1, hours: float = 10.0) -> tuple[LimitedJob, HeldGpus]:
    """A run of ana's, as limits see it and as it holds GPUs."""
    ends_at, ends_by = NOON + timedelta(hours=ends_in_hours), NOON + timedelta(hours=hours)
    live = LimitedJob(id_, ANA, gpus, hours * HOUR, ends_at, ends_by)
    return live, HeldGpus(gpus, Estimate.exactly(ends_at.timestamp()), ends_by.timestamp(), hours * HOUR, id_)


def played(
    jobs: Sequence[ExpectedJob],
    *limits: Limit,
    running: Sequence[tuple[LimitedJob, HeldGpus]] = (),
    live: Sequence[LimitedJob] = (),
    tallies: dict[LimitKind, list[Tally]] | None = None,
    free: int = 8,
) -> dict[str, float]:
    """Hours until the expected starts, on two pools; all runs are on the first."""
    known = Limits(limits)
    uses = uses_of(known, [*(job for job, _ in running), *live], tallies or {})
    pools = [GpusNow([held for _, held in running], Gpus(free)), GpusNow([], Gpus(free))]
    return in_hours(forecast(jobs, pools, NOW, LimitsAhead(known, uses)))


def in_hours(found: Mapping[str, Forecast]) -> dict[str, float]:
    return {job_id: (its.starts_at.expected - NOW) / HOUR for job_id, its in found.items()}


def test_a_job_at_a_limit_starts_when_a_run_that_holds_it_ends() -> None:
    found = played([waits("a"), waits("b")], limit(LimitKind.RUNNING_JOBS, 2, user="ana"), running=[runs("x", 3)])
    assert found == {"a": 0.0, "b": 1.0}


def test_who_is_let_in_keeps_its_part_until_its_end() -> None:
    jobs = [waits(f"j{n}", runs_hours=2) for n in range(4)]
    assert played(jobs, limit(LimitKind.RUNNING_JOBS, 1, user="ana")) == {f"j{n}": 2.0 * n for n in range(4)}


def test_those_at_no_limit_pass() -> None:
    jobs = [waits("a1"), waits("a2"), waits("b", user="bo")]
    assert played(jobs, limit(LimitKind.RUNNING_JOBS, 1, user=EACH)) == {"a1": 0.0, "a2": 1.0, "b": 0.0}


def test_bounds_are_those_of_the_run_that_holds_the_limit() -> None:
    live, _ = runs("x", 2)
    held = HeldGpus(1, Estimate(NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR), NOW + 10 * HOUR, 10 * HOUR, "x")
    known = Limits([limit(LimitKind.GPUS, 1, user="ana")])
    ahead = LimitsAhead(known, uses_of(known, [live], {}))
    its = forecast([waits("a")], [GpusNow([held], Gpus(7))], NOW, ahead)["a"].starts_at
    assert (its.low, its.expected) == (NOW + HOUR, NOW + 2 * HOUR)
    assert its.high >= NOW + 3 * HOUR


def test_a_limit_holds_over_pools() -> None:
    jobs = [waits("a", runs_hours=2), waits("b", pool=1)]
    assert played(jobs, limit(LimitKind.GPUS, 1, team="mt")) == {"a": 0.0, "b": 2.0}


def test_a_run_elsewhere_holds_the_limit_until_its_end() -> None:
    live, _ = runs("far", 5)
    assert played([waits("a")], limit(LimitKind.GPUS, 1, team="mt"), live=[live]) == {"a": 5.0}


def test_nothing_is_told_where_nobody_knows_an_end() -> None:
    live = [LimitedJob("far", ANA, 1, HOUR)]
    assert played([waits("a"), waits("b", user="cy")], limit(LimitKind.GPUS, 1, team="mt"), live=live) == {"b": 0.0}


def test_what_slurm_has_counts_already_and_gives_its_part_back() -> None:
    claimed = LimitedJob("c", ANA, 1, HOUR)
    jobs = [waits("c", claimed=True, runs_hours=3), waits("a")]
    assert played(jobs, limit(LimitKind.RUNNING_JOBS, 1, user="ana"), live=[claimed]) == {"c": 0.0, "a": 3.0}


def test_what_no_end_lets_start_is_left_out() -> None:
    jobs = [waits("wide", gpus=8), waits("long", hours=30), waits("a")]
    limits = [limit(LimitKind.GPUS, 4, user="ana"), limit(LimitKind.TIME_LIMIT, 24 * HOUR)]
    assert played(jobs, *limits) == {"a": 0.0}
    used = {LimitKind.RESULT_BYTES: [Tally(ANA, 10.0)]}
    assert played(jobs, limit(LimitKind.RESULT_BYTES, 10, user="ana"), tallies=used) == {}


def test_hours_that_a_run_does_not_use_come_free_at_its_end() -> None:
    running = [runs("x", 2, gpus=1, hours=10)]
    hours = limit(LimitKind.GPU_HOURS, 12, user="ana")
    assert played([waits("a", hours=5)], hours, running=running) == {"a": 2.0}


def test_hours_come_free_when_they_cease_to_count() -> None:
    known = Limits([limit(LimitKind.GPU_HOURS, 10, user="ana")])
    leaves = tuple((NOON + timedelta(days=day), 3.0) for day in (1, 2, 3))
    [account] = uses_of(known, [], {LimitKind.GPU_HOURS: [Tally(ANA, 9.0)]})
    ahead = LimitsAhead(known, {account: Use(9.0, (), leaves)})
    found = forecast([waits("a", hours=5), waits("b", hours=12)], [GpusNow([], Gpus(8))], NOW, ahead)
    assert in_hours(found) == {"a": 48.0}


def test_used_hours_of_played_runs_count_for_30_days() -> None:
    hours = limit(LimitKind.GPU_HOURS, 10, user="ana")
    found = played([waits("a", hours=10, runs_hours=6), waits("b", hours=5)], hours)
    assert found["a"] == 0.0
    assert 29 * DAY < found["b"] * HOUR <= 30 * DAY + 12 * HOUR


def test_jobs_far_behind_follow_from_the_time_that_their_limit_needs() -> None:
    many = [waits(f"b{n}", user="bo", runs_hours=1) for n in range(MOST_PLAYED)]
    jobs = [*(waits(f"a{n}", runs_hours=3) for n in range(200)), *many]
    found = played(jobs, limit(LimitKind.RUNNING_JOBS, 1, user="ana"), free=64)
    assert math.isclose(found["a199"], 3.0 * 199, rel_tol=0.05)


def test_a_job_far_behind_that_no_end_lets_start_is_left_out() -> None:
    jobs = [*(waits(f"b{n}", user="bo") for n in range(MOST_PLAYED + 9)), waits("long", hours=30)]
    found = played(jobs, limit(LimitKind.TIME_LIMIT, 24 * HOUR), free=64)
    assert found.keys() == {f"b{n}" for n in range(MOST_PLAYED + 9)}


def test_a_job_that_would_delay_a_reservation_waits_for_an_end() -> None:
    known = Limits([limit(LimitKind.GPUS, 8, team="mt")])
    live, held = runs("x", 2, gpus=4)
    uses = uses_of(known, [live], {})
    [account] = uses
    ahead = LimitsAhead(known, uses, {"small": account})
    found = forecast([waits("small"), waits("large", gpus=8)], [GpusNow([held], Gpus(4))], NOW, ahead)
    assert in_hours(found)["small"] == 2.0


@given(limit_lists(), job_lists("live"), job_lists("job"))
def test_what_no_limit_holds_now_is_expected_as_without_limits_and_nothing_sooner(
    limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob]
) -> None:
    """On GPUs for all: who is let in starts now, and who is held back starts later, if anything tells when."""
    known = Limits(limits)
    ends = [LimitedJob(j.id, j.place, j.gpus, j.limit_seconds, NOON + timedelta(hours=1), NOON) for j in live]
    uses = uses_of(known, ends, {})
    order = [waiting_job(job.id, gpus=job.gpus, limit_seconds=job.limit_seconds) for job in jobs]
    expected = [
        ExpectedJob(job, Estimate.exactly(job.limit_seconds), 0, its) for job, its in zip(order, jobs, strict=True)
    ]
    found = in_hours(forecast(expected, [GpusNow([], Gpus(1000))], NOW, LimitsAhead(known, uses)))
    look = admitted(jobs, known, uses)
    assert {job_id for job_id, hours in found.items() if hours == 0.0} == set(look.starting)
    assert all(found.get(job_id, 1.0) >= 1.0 for job_id in look.held)


@given(st.integers(1, 5), st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_no_more_run_at_once_than_a_limit_allows(most: int, lengths: list[int]) -> None:
    jobs = [waits(f"j{n}", runs_hours=hours) for n, hours in enumerate(lengths)]
    found = played(jobs, limit(LimitKind.RUNNING_JOBS, most, user="ana"), free=100)
    spans = [(found[f"j{n}"], found[f"j{n}"] + hours) for n, hours in enumerate(lengths)]
    for start, _ in spans:
        assert sum(begin <= start < end for begin, end in spans) <= most
