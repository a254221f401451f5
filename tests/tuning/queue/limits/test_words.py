"""A limit is told in a sentence: whose, how much, by which jobs, until when."""

from datetime import timedelta

from tests.factories import NOON
from tests.tuning.queue.limits.limited import limit, limited_job
from tuning.queue.limits.admission import admitted, never_fits
from tuning.queue.limits.limit import EACH, Limit, LimitedJob, LimitKind, Limits, Place, Tally, uses_of
from tuning.queue.limits.words import held_words


def told(one: Limit, job: LimitedJob, *live: LimitedJob, tallies: dict[LimitKind, list[Tally]] | None = None) -> str:
    known = Limits([one])
    held = admitted([job], known, uses_of(known, live, tallies or {})).held[job.id]
    return held_words(held, NOON, lambda place: place.user != "cy")


def test_gpus_in_use_are_told_with_their_jobs_and_their_end() -> None:
    live = [limited_job(f"job_{name}", gpus=4, ends=NOON + timedelta(minutes=140)) for name in "ab"]
    sentence = "the team mt may have 8 GPUs at once: 8 in use by job_a, job_b until about 14:20 UTC"
    assert told(limit(LimitKind.GPUS, 8, team="mt"), limited_job("new"), *live) == sentence


def test_what_the_job_needs_is_told_where_it_is_more_than_one() -> None:
    live = [limited_job("job_a", gpus=6)]
    sentence = "everybody together may have 8 GPUs at once: 6 in use by job_a, and this job needs 4"
    assert told(limit(LimitKind.GPUS, 8), limited_job("new", gpus=4), *live) == sentence


def test_of_many_jobs_a_few_are_named() -> None:
    live = [limited_job(f"job_{n}") for n in range(5)]
    sentence = "the user ana may run 5 jobs at once: 5 in use by job_0, job_1, job_2 and 2 more"
    assert told(limit(LimitKind.RUNNING_JOBS, 5, user=EACH), limited_job("new"), *live) == sentence


def test_jobs_that_the_reader_may_not_see_are_counted() -> None:
    live = [limited_job("job_a"), limited_job("job_b"), *(limited_job(f"job_{n}", user="cy") for n in range(3))]
    everybody = "everybody together may run 5 jobs at once: 5 in use by"
    assert told(limit(LimitKind.RUNNING_JOBS, 5), limited_job("new"), *live) == (
        f"{everybody} job_a, job_b and 3 jobs of others"
    )
    known = Limits([limit(LimitKind.RUNNING_JOBS, 1)])
    held = admitted([limited_job("new")], known, uses_of(known, live[-1:], {})).held["new"]
    assert held_words(held, NOON, lambda place: place.user != "cy").endswith("1 in use by 1 job of others")
    assert held_words(held, NOON).endswith("1 in use by 1 job"), "what is stored names nobody's"


def test_an_end_on_another_day_is_told_with_its_date() -> None:
    live = [limited_job("job_a", ends=NOON + timedelta(days=3))]
    one = limit(LimitKind.RUNNING_JOBS, 1, user="ana", cluster="lab", partition="gpu", job_class="normal")
    sentence = (
        "the user ana may run 1 job at once on the cluster lab in the partition gpu of class normal: 1 in use by job_a "
        "until about Nov 24 12:00 UTC"
    )
    assert told(one, limited_job("new"), *live) == sentence


def test_hours_and_results_are_told_without_an_end() -> None:
    place = Place("ana", "mt", "lab")
    one = limit(LimitKind.GPU_HOURS, 10, user="ana")
    used = {LimitKind.GPU_HOURS: [Tally(place, 9.25)], LimitKind.RESULT_BYTES: [Tally(place, 2e9)]}
    sentence = "the user ana may use 10 GPU hours in 30 days: 9.2 in use, and this job needs 2"
    assert told(one, limited_job("new", hours=2), tallies=used) == sentence
    one = limit(LimitKind.RESULT_BYTES, 10**9, user="ana", cluster="lab")
    sentence = "the user ana may keep 1000000000 bytes of results on the cluster lab: 2000000000 bytes in use"
    assert told(one, limited_job("new"), tallies=used) == sentence


def test_what_never_fits_tells_what_the_job_asks_for() -> None:
    job = limited_job("new", gpus=16, hours=30, job_class="urgent")
    limits = [
        limit(LimitKind.GPUS, 8, team="mt"),
        limit(LimitKind.TIME_LIMIT, 86_400),
        limit(LimitKind.RUNNING_JOBS, 0, user="ana", job_class="urgent"),
    ]
    assert [held_words(held, NOON) for held in never_fits(job, Limits(limits))] == [
        "the user ana may run no jobs of class urgent",
        "the team mt may have 8 GPUs at once, and this job needs 16",
        "everybody together may ask for time limits of 1-00:00:00 at most, and this job asks for 1-06:00:00",
    ]
