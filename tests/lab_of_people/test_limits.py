"""Limits held against runs: of whom each is, and the most that was held of it."""

from tests.lab_of_people.limits import EACH, LabLimit, gpu_hours, peaks
from tests.lab_of_people.made_up import run

RUNS = [
    run("a", 0, 10, gpus=2),
    run("b", 5, 15, gpus=4, partition="short"),
    run("c", 5, 15, person="bob", team="asr", cluster="annex"),
    run("d", None, 15),
]


def test_a_limit_for_each_is_held_by_each_alone() -> None:
    found = list(peaks([LabLimit("user", EACH, "running_jobs", 1)], RUNS))
    assert [(subject, most) for _, subject, most in found] == [("ada", 2), ("bob", 1)]


def test_a_limit_of_one_s_own_replaces_that_for_each() -> None:
    found = list(peaks([LabLimit("user", EACH, "gpus", 1), LabLimit("user", "ada", "gpus", 6)], RUNS))
    assert [(limit.subject, subject, most) for limit, subject, most in found] == [(EACH, "bob", 1), ("ada", "ada", 6)]


def test_a_narrowed_limit_counts_what_it_is_narrowed_to() -> None:
    narrowed = [
        LabLimit("everybody", "", "gpus", 4, partition="short"),
        LabLimit("team", EACH, "gpus", 4, cluster="annex"),
        LabLimit("user", EACH, "running_jobs", 1, job_class="urgent"),
    ]
    found = [(limit.kind, subject, most) for limit, subject, most in peaks(narrowed, RUNS)]
    assert found == [("gpus", "", 4), ("gpus", "asr", 1)]


def test_hours_count_until_the_moment() -> None:
    assert gpu_hours(LabLimit("user", "ada", "gpu_hours_30_days", 1), RUNS, 10) == (2 * 10 + 4 * 5) / 3600


def test_a_request_names_what_narrows_it_and_nothing_else() -> None:
    limit = LabLimit("user", EACH, "running_jobs", 1, job_class="urgent")
    assert limit.request() == {
        "subject_kind": "user",
        "subject": EACH,
        "kind": "running_jobs",
        "amount": 1,
        "class": "urgent",
    }
