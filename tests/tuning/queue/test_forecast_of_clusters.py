"""Forecast where clusters share limits: jobs that run and wait on another cluster take parts of them, too."""

import math
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.queue.limits.limited import job_lists, limit, limit_lists, limited_job
from tests.tuning.queue.waiting import waiting_job
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import ClusterQueue, forecast
from tuning.queue.gpus import Gpus
from tuning.queue.limits.ahead import LimitsAhead
from tuning.queue.limits.limit import EACH, Limit, LimitedJob, LimitKind, Limits, Place, uses_of
from tuning.queue.play import MOST_PLAYED, ExpectedJob, GpusNow, HeldGpus

NOW = NOON.timestamp()
HOUR = 3600.0
ONE_AT_ONCE = limit(LimitKind.RUNNING_JOBS, 1, user="ana")


def waits(
    id_: str, cluster: str = "lab", *, hours: float = 1.0, user: str = "ana", gpus: int = 1, minutes_ago: int = 0
) -> ExpectedJob:
    limited = limited_job(id_, user=user, cluster=cluster, hours=hours, gpus=gpus)
    job = waiting_job(id_, gpus=gpus, limit_seconds=hours * HOUR, queued_at=NOW - 60 * minutes_ago)
    return ExpectedJob(job, Estimate.exactly(hours * HOUR), 0, limited)


def claimed(job: ExpectedJob) -> ExpectedJob:
    """The same inside Slurm: it counts already."""
    return ExpectedJob(job.job, job.run_seconds, job.pool)


def queue(*jobs: ExpectedJob, free: int = 8, holding: Sequence[HeldGpus] = ()) -> ClusterQueue:
    return ClusterQueue(jobs, [GpusNow(holding, Gpus(free))])


def starts(
    own: ClusterQueue, *beside: ClusterQueue, limits: Sequence[Limit] = (ONE_AT_ONCE,), live: Sequence[LimitedJob] = ()
) -> dict[str, float]:
    """Hours until the expected starts."""
    known = Limits(limits)
    ahead = LimitsAhead(known, uses_of(known, live, {}))
    found = forecast(own.ordered, own.pools, NOW, ahead, beside)
    return {job_id: (its.starts_at.expected - NOW) / HOUR for job_id, its in found.items()}


def test_jobs_that_wait_on_another_cluster_take_turns_with_ours() -> None:
    own = queue(waits("a1"), waits("a2"))
    far = queue(waits("f1", "far", minutes_ago=9), waits("f2", "far", minutes_ago=9))
    assert starts(own) == {"a1": 0.0, "a2": 1.0}
    assert starts(own, far) == {"a1": 1.0, "a2": 3.0}
    assert starts(far, own) == {"f1": 0.0, "f2": 2.0}


def test_a_job_inside_the_slurm_of_another_cluster_ends_some_time() -> None:
    far, live = waits("far", "far", hours=3), limited_job("far", cluster="far", hours=3)
    assert starts(queue(waits("a")), live=[live]) == {}
    assert starts(queue(waits("a")), queue(claimed(far)), live=[live]) == {"a": 3.0}


def test_a_job_elsewhere_waits_for_gpus_of_its_own_cluster() -> None:
    """It keeps its part of the limit all the while: Slurm has it."""
    held = HeldGpus(8, Estimate.exactly(NOW + 5 * HOUR), NOW + 5 * HOUR)
    far = queue(waits("f", "far", minutes_ago=9), free=0, holding=[held])
    own = queue(waits("a1", hours=4), waits("a2"))
    assert starts(own, far, limits=[limit(LimitKind.GPUS, 2, team="mt")]) == {"a1": 0.0, "a2": 4.0}


def test_a_limit_that_nobody_elsewhere_shares_changes_nothing() -> None:
    own, far = queue(waits("a1"), waits("a2")), queue(waits("f", "far", user="cy", minutes_ago=9))
    assert starts(own, far, limits=[limit(LimitKind.RUNNING_JOBS, 1, user=EACH)]) == starts(own)


def test_hours_that_jobs_elsewhere_take_are_not_ours() -> None:
    own, far = queue(waits("a", hours=6)), queue(waits("f", "far", hours=6, minutes_ago=9))
    hours = [limit(LimitKind.GPU_HOURS, 10, user="ana")]
    assert starts(own, limits=hours) == {"a": 0.0}
    assert starts(own, far, limits=hours)["a"] > 24 * 29


def test_a_job_that_was_claimed_since_the_other_look_counts_once() -> None:
    """The other cluster was looked at a moment before the use of the limits."""
    far, live = queue(waits("far", "far", hours=2)), limited_job("far", cluster="far", hours=2)
    assert starts(queue(waits("a")), far, limits=[limit(LimitKind.GPUS, 1, user="ana")], live=[live]) == {"a": 2.0}


def test_a_job_that_delays_a_reservation_elsewhere_waits_there() -> None:
    known = Limits([limit(LimitKind.GPUS, 8, team="mt")])
    ends = NOON + timedelta(hours=2)
    uses = uses_of(known, [LimitedJob("x", Place("ana", "mt", "lab"), 4, 2 * HOUR, ends, ends)], {})
    [account] = uses
    far = ClusterQueue(
        [waits("small", "far", hours=9, gpus=4, minutes_ago=9)], [GpusNow([], Gpus(8))], {"small": account}
    )
    found = forecast([waits("a", gpus=4)], [GpusNow([], Gpus(8))], NOW, LimitsAhead(known, uses), [far])
    assert found["a"].starts_at.expected == NOW


def test_jobs_far_behind_count_those_of_other_clusters() -> None:
    many = [waits(f"b{n}", user="bo") for n in range(MOST_PLAYED)]
    own = queue(*(waits(f"a{n}", hours=3) for n in range(100)), *many, free=64)
    far = queue(*(waits(f"f{n}", "far", hours=3) for n in range(100)))
    assert math.isclose(starts(own, far)["a99"], 3.0 * 198, rel_tol=0.05)


def test_a_queue_elsewhere_that_is_played_no_more_gives_limits_back() -> None:
    many = [waits(f"b{n}", "far", user="bo", hours=0.1) for n in range(MOST_PLAYED)]
    far = queue(*(waits(f"f{n}", "far", minutes_ago=9) for n in range(2)), *many, free=64)
    own = queue(waits("a0"), waits("a1", hours=2), waits("a2"))
    assert starts(own, far) == {"a0": 1.0, "a1": 3.0, "a2": 5.0}


@given(limit_lists(), job_lists("job"), job_lists("far"))
def test_what_waits_elsewhere_delays_and_keeps_nothing_from_starting(
    limits: list[Limit], ours: list[LimitedJob], others: list[LimitedJob]
) -> None:
    """On GPUs for all."""
    own, far = _of(ours, "lab"), _of(others, "far")
    assert starts(own, far, limits=limits).keys() == starts(own, limits=limits).keys()


@given(st.integers(1, 5), st.lists(st.integers(1, 4), max_size=9), st.lists(st.integers(1, 4), max_size=9))
def test_no_more_run_at_once_on_both_than_a_limit_allows(most: int, here: list[int], there: list[int]) -> None:
    """By the forecasts of both clusters, which agree."""
    own = queue(*(waits(f"a{n}", hours=hours) for n, hours in enumerate(here)), free=100)
    far = queue(*(waits(f"f{n}", "far", hours=hours) for n, hours in enumerate(there)), free=100)
    limits = [limit(LimitKind.RUNNING_JOBS, most, team="mt")]
    found = {**starts(own, far, limits=limits), **starts(far, own, limits=limits)}
    spans = [(found[each.job.id], each.run_seconds.expected / HOUR) for each in (*own.ordered, *far.ordered)]
    for start, _ in spans:
        assert sum(begin <= start < begin + hours for begin, hours in spans) <= most


def _of(jobs: list[LimitedJob], cluster: str) -> ClusterQueue:
    placed = [job._replace(place=job.place._replace(cluster=cluster)) for job in jobs]
    return queue(
        *(
            ExpectedJob(
                waiting_job(job.id, gpus=job.gpus, limit_seconds=job.limit_seconds),
                Estimate.exactly(job.limit_seconds),
                0,
                job,
            )
            for job in placed
        ),
        free=1000,
    )
