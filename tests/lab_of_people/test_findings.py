"""Findings about days whose faults are known."""

import pytest

from tests.lab_of_people.day import Look
from tests.lab_of_people.findings import full_demand, lost_or_doubled, overtaken, passed_over, team_errors
from tests.lab_of_people.made_up import order, run
from tests.lab_of_people.sleeper import Line

ONCE = [Line("begin", "a", 1, 7), Line("end", "a", 1, 7)]


def test_a_job_that_began_and_ended_once_is_well() -> None:
    assert not list(lost_or_doubled([order("a", 0)], {"a": "succeeded"}, ONCE))


@pytest.mark.parametrize(
    ("statuses", "lines"),
    [
        ({}, ONCE),
        ({"a": "failed"}, ONCE),
        ({"a": "succeeded"}, []),
        ({"a": "succeeded"}, [*ONCE, Line("begin", "a", 2, 8)]),
        ({"a": "succeeded"}, [*ONCE, Line("twice", "a", 1, 7)]),
        ({"a": "succeeded", "b": "succeeded"}, ONCE),
    ],
)
def test_what_is_lost_doubled_or_nobodys_is_told(statuses: dict[str, str], lines: list[Line]) -> None:
    assert list(lost_or_doubled([order("a", 0)], statuses, lines))


def test_people_apart_do_not_lengthen_full_demand() -> None:
    orders = [order("a", 0), order("b", 2, person="bob", team="asr"), order("c", 0, person="cleo")]
    runs = [run("a", 10, 20), run("b", 30, 40, person="bob", team="asr"), run("c", 90, 95, person="cleo")]
    assert full_demand(orders, runs, frozenset({"cleo"})) == (2, 10)
    assert full_demand(orders, runs, frozenset()) == (2, 30)


def test_shares_count_gpu_time_within_the_span() -> None:
    had, errors = team_errors([run("a", 0, 20, gpus=2), run("b", 5, 15, team="asr")], {"mt": 1, "asr": 1}, (0, 10))
    assert had == {"mt": 20, "asr": 5}
    assert errors == pytest.approx({"mt": 0.3, "asr": -0.3})


def test_only_what_still_waits_was_passed_over() -> None:
    look = Look("lab", 100, ["first", "second", "third"])
    runs = [run("first", 200, 210), run("second", 101, 110), run("third", 102, 110)]
    assert passed_over([look], runs) == [1, 1]
    assert passed_over([look], [run("first", 101, 110), run("second", 102, 110), run("third", 300, 310)]) == [0, 0]


def test_a_job_overtakes_a_more_important_one_of_its_person_alone() -> None:
    orders = [order("important", 0, priority=5), order("lesser", 0)]
    runs = [run("important", 60, 70), run("lesser", 30, 40)]
    assert overtaken(orders, runs) == 1
    assert overtaken([orders[0], order("lesser", 0, person="bob")], runs) == 0
    assert overtaken([order("important", 25, priority=5), orders[1]], runs) == 0
