"""No limit is exceeded, and whoever waits is held by a limit that would be."""

from datetime import timedelta

from hypothesis import given

from tests.factories import NOON
from tests.tuning.queue.limits.limited import job_lists, limit, limit_lists, limited_job
from tuning.queue.limits.admission import admitted, exceeded_by, never_fits
from tuning.queue.limits.limit import EACH, Limit, LimitedJob, LimitKind, Limits, Place, Tally, Uses, uses_of

SLACK = 1e-6


def starting(jobs: list[LimitedJob], *limits: Limit, live: list[LimitedJob] | None = None) -> tuple[str, ...]:
    known = Limits(limits)
    return admitted(jobs, known, uses_of(known, live or [], {})).starting


def over(limits: Limits, live: list[LimitedJob]) -> set[tuple[str, str]]:
    """The limits, by whom they bind, of which these jobs together use more than there is."""
    uses = uses_of(limits, live, {})
    amounts = {each.id: each.amount for each in limits.all}
    return {account for account, use in uses.items() if use.amount > amounts[account[0]] + SLACK}


@given(limit_lists(), job_lists("live"), job_lists("job"))
def test_what_starts_exceeds_no_limit(limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob]) -> None:
    known = Limits(limits)
    found = admitted(jobs, known, uses_of(known, live, {}))
    begun = [job for job in jobs if job.id in found.starting]
    assert over(known, [*live, *begun]) <= over(known, live), "what was too much before may be so still"
    for job in begun:
        longest = [b.limit.amount for b in known.of(job.place) if b.limit.kind is LimitKind.TIME_LIMIT]
        assert all(job.limit_seconds <= amount for amount in longest)


@given(limit_lists(), job_lists("live"), job_lists("job"))
def test_whoever_waits_is_held_by_a_limit_that_would_be_exceeded(
    limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob]
) -> None:
    known = Limits(limits)
    found = admitted(jobs, known, uses_of(known, live, {}))
    assert {*found.starting} | found.held.keys() == {job.id for job in jobs}
    assert not {*found.starting} & found.held.keys()
    for job in jobs:
        if held := found.held.get(job.id):
            assert held.bound in known.of(job.place)
            assert held.needs > 0
            assert held.use.amount + held.needs > held.bound.limit.amount


@given(limit_lists(), job_lists("live"), job_lists("job"))
def test_a_look_at_fewer_jobs_later_lets_all_of_them_in(
    limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob]
) -> None:
    known = Limits(limits)
    uses = uses_of(known, live, {})
    first = admitted(jobs, known, uses).starting
    assert admitted([job for job in jobs if job.id in first], known, uses).starting == first


@given(limit_lists(), job_lists("live"), job_lists("job"))
def test_what_never_fits_is_never_let_in(limits: list[Limit], live: list[LimitedJob], jobs: list[LimitedJob]) -> None:
    known = Limits(limits)
    held = admitted(jobs, known, uses_of(known, live, {})).held
    assert {job.id for job in jobs if never_fits(job, known)} <= held.keys()


def test_without_limits_all_start_in_their_order() -> None:
    jobs = [limited_job(name) for name in "cab"]
    assert starting(jobs) == ("c", "a", "b")


def test_a_job_at_its_limit_is_passed_by_others() -> None:
    jobs = [limited_job("a1"), limited_job("a2"), limited_job("b1", user="bo")]
    assert starting(jobs, limit(LimitKind.RUNNING_JOBS, 1, user="ana")) == ("a1", "b1")


def test_a_users_own_limit_replaces_that_for_each() -> None:
    jobs = [limited_job(f"{user}{n}", user=user) for user in ("ana", "bo") for n in range(3)]
    for_each, own = limit(LimitKind.RUNNING_JOBS, 1, user=EACH), limit(LimitKind.RUNNING_JOBS, 2, user="ana")
    assert starting(jobs, for_each, own) == ("ana0", "ana1", "bo0")


def test_a_limit_for_each_team_counts_each_team_by_itself() -> None:
    jobs = [limited_job("m1"), limited_job("m2", user="bo"), limited_job("a1", user="cy")]
    assert starting(jobs, limit(LimitKind.RUNNING_JOBS, 1, team=EACH)) == ("m1", "a1")


def test_one_limit_holds_over_two_clusters() -> None:
    live = [limited_job("x", cluster="far", gpus=3)]
    jobs = [limited_job("a", gpus=2), limited_job("b", gpus=1)]
    assert starting(jobs, limit(LimitKind.GPUS, 4, team="mt"), live=live) == ("b",)
    assert starting(jobs, limit(LimitKind.GPUS, 4, team="mt", cluster="lab"), live=live) == ("a", "b")


def test_a_limit_of_a_partition_and_class_leaves_others_alone() -> None:
    jobs = [
        limited_job("a", partition="gpu,long", job_class="urgent"),
        limited_job("b", partition="long", job_class="urgent"),
        limited_job("c"),
    ]
    assert starting(jobs, limit(LimitKind.RUNNING_JOBS, 0, partition="gpu", job_class="urgent")) == ("b", "c")


def test_hours_of_gpus_count_with_the_whole_time_limit() -> None:
    known = Limits([limit(LimitKind.GPU_HOURS, 100, user="ana")])
    used = [Tally(Place("ana", "mt", "lab"), 80.0)]
    uses = uses_of(known, [limited_job("x", gpus=2, hours=5)], {LimitKind.GPU_HOURS: used})
    jobs = [limited_job("a", gpus=3, hours=4), limited_job("b", gpus=2, hours=5)]
    assert admitted(jobs, known, uses).starting == ("b",)


def test_results_beyond_their_limit_hold_back_what_is_new() -> None:
    known = Limits([limit(LimitKind.RESULT_BYTES, 1000, user="ana", cluster="lab")])
    for size, expected in ((999.0, ("a",)), (1000.0, ())):
        uses = uses_of(known, [], {LimitKind.RESULT_BYTES: [Tally(Place("ana", "mt", "lab"), size)]})
        assert admitted([limited_job("a")], known, uses).starting == expected


def test_a_limit_below_what_is_used_holds_until_enough_has_ended() -> None:
    live = [limited_job(f"x{n}", ends=NOON + timedelta(hours=n)) for n in range(4)]
    known = Limits([limit(LimitKind.RUNNING_JOBS, 2, user="ana")])
    held = admitted([limited_job("a")], known, uses_of(known, live, {})).held["a"]
    assert (held.use.amount, held.frees_at) == (4.0, NOON + timedelta(hours=2))
    assert [holder.job_id for holder in held.use.held_by] == ["x0", "x1", "x2", "x3"]


def test_a_job_without_gpus_passes_a_limit_of_gpus_that_is_exceeded() -> None:
    live = [limited_job("x", gpus=8)]
    assert starting([limited_job("a", gpus=0)], limit(LimitKind.GPUS, 4, user="ana"), live=live) == ("a",)


def test_an_unknown_end_says_nothing_of_when_it_fits() -> None:
    known = Limits([limit(LimitKind.RUNNING_JOBS, 1, user="ana")])
    held = admitted([limited_job("a")], known, uses_of(known, [limited_job("x")], {})).held["a"]
    assert held.frees_at is None


def test_one_more_queued_job_than_allowed_is_refused() -> None:
    known = Limits([limit(LimitKind.QUEUED_JOBS, 5, user=EACH)])
    place = Place("ana", "mt", "lab", "gpu", "normal")
    for waiting, refused in ((4, 0), (5, 1)):
        uses: Uses = uses_of(known, [], {LimitKind.QUEUED_JOBS: [Tally(place, waiting)]})
        assert len(exceeded_by(LimitKind.QUEUED_JOBS, Tally(place, 1), known, uses)) == refused


def test_running_jobs_of_zero_forbids_a_class() -> None:
    known = Limits([limit(LimitKind.RUNNING_JOBS, 0, user=EACH, job_class="urgent")])
    assert [held.bound.subject for held in never_fits(limited_job("a", job_class="urgent"), known)] == ["ana"]
    assert never_fits(limited_job("b"), known) == []
