"""The reader of workloads: what it takes, leaves out, makes up, and refuses by its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.errors import InvalidInput
from tuning.queue.simulation.swf import read_swf
from tuning.queue.waiting_job import Person

WORKLOAD = Path(__file__).parents[3] / "fixtures" / "workloads" / "small.swf"
LINES = WORKLOAD.read_text(encoding="utf-8").splitlines()
GOOD = "1 0 -1 600 4 -1 -1 4 900 -1 1 1 1 -1 -1 -1 -1 -1"


def changed(field: int, word: str) -> str:
    words = GOOD.split()
    words[field - 1] = word
    return " ".join(words)


def test_jobs_and_machine_are_read() -> None:
    trace = read_swf(LINES)
    assert (trace.gpus, len(trace.jobs)) == (4, 7)
    first = trace.jobs[0]
    assert (first.person, first.gpus, first.run_seconds, first.limit_seconds) == (
        Person("lab", "user 1"),
        4,
        600,
        900,
    )


def test_groups_are_teams_where_it_is_said() -> None:
    assert {job.person.team for job in read_swf(LINES, groups_are_teams=True).jobs} == {"group 1", "group 2"}


def test_what_never_ran_or_does_not_fit_is_left_out_and_counted() -> None:
    assert read_swf(LINES).left_out == 2
    assert read_swf(LINES, gpus=8).left_out == 1


def test_a_limit_that_is_not_there_is_made_up_the_same_each_time() -> None:
    once, again = read_swf(LINES), read_swf(LINES)
    assert (once.made_up_limits, once.jobs) == (1, again.jobs)
    drawn = {read_swf(LINES, seed=seed).jobs[2].limit_seconds for seed in range(20)}
    assert drawn == {900, 1800}


def test_a_limit_is_never_shorter_than_the_run() -> None:
    trace = read_swf([changed(9, "10"), changed(2, "5")], gpus=4)
    assert trace.jobs[0].limit_seconds == 600


def test_processors_asked_for_stand_in_for_those_unknown() -> None:
    trace = read_swf([changed(5, "-1"), changed(2, "5")])
    assert trace.jobs[0].gpus == 4


def test_parts_of_a_job_that_was_put_off_are_left_out() -> None:
    assert read_swf([GOOD, changed(11, "3"), changed(2, "5")]).left_out == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 2 3", "line 2: 3 fields in place of 18"),
        (changed(4, "soon"), "line 2: 'soon' is no number of seconds"),
        (changed(2, "nan"), "line 2: 'nan' is no number of seconds"),
        (changed(4, "1e300"), "line 2: '1e300' is no number of seconds"),
        (changed(5, "1.5"), "line 2: '1.5' is no whole number"),
        ("1" * 20_000, "line 2: 20000 characters"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_swf([GOOD, line])
    assert words in str(caught.value)


@pytest.mark.parametrize("lines", [[], ["; nothing"], [GOOD], [GOOD, GOOD], [changed(4, "-1"), changed(2, "9")]])
def test_no_workload_is_a_sentence(lines: list[str]) -> None:
    with pytest.raises(InvalidInput, match="no workload"):
        read_swf(lines)


@given(
    st.lists(st.one_of(st.text(), st.lists(st.floats().map(str), min_size=18, max_size=18).map(" ".join)), max_size=5)
)
def test_whatever_comes_is_read_or_refused(lines: list[str]) -> None:
    try:
        trace = read_swf(lines)
    except InvalidInput:
        return
    assert trace.gpus > 0
