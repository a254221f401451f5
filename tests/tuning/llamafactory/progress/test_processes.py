from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.progress.processes import MOST_STRAYS, OtherProcess, turn_of
from tuning.llamafactory.progress.trainer_log import LogPoint, PointKind


def at(step: int, elapsed: int, total: int = 100, kind: PointKind = "train") -> LogPoint:
    return LogPoint(step, total, kind, None, 0.0, {}, elapsed, None, diverged=False)


@pytest.mark.parametrize(
    ("last", "point", "turn"),
    [
        (at(10, 30), at(20, 60), "goes on"),
        (at(20, 60), at(20, 70, kind="eval"), "goes on"),
        (at(100, 300), at(100, 300, kind="final"), "goes on"),
        (at(90, 270), at(80, 30), "begins"),
        (at(20, 60), at(20, 61), "begins"),
        (at(20, 60), at(30, 10), "begins"),
        (at(100, 300), at(5, 2, total=40, kind="predict"), "begins"),
        (at(5, 57, total=8, kind="predict"), at(5, 58, total=8, kind="predict"), "begins"),
        (at(100, 300), at(40, 320, total=40, kind="eval"), "epilogue"),
        (at(40, 300, total=40, kind="predict"), at(0, 0, total=40, kind="final"), "epilogue"),
        (at(40, 300, total=40, kind="predict"), at(0, 0, total=0, kind="final"), "epilogue"),
    ],
)
def test_what_a_line_means_after_another(last: LogPoint, point: LogPoint, turn: str) -> None:
    assert turn_of(last, None, point) == turn


def test_a_process_that_goes_on_after_another_began_writes_beside_it() -> None:
    """The first had written step 50; the line of step 10 looked like that of a run which had begun anew."""
    assert turn_of(at(10, 30), OtherProcess(at(50, 150), 0.0), at(60, 180)) == "took turns"
    assert turn_of(at(10, 30), OtherProcess(at(50, 150), 0.0), at(20, 60)) == "goes on"


def test_two_that_keep_step_are_two_although_both_lines_could_go_on() -> None:
    assert turn_of(at(10, 29), OtherProcess(at(10, 30), 0.0), at(20, 60)) == "took turns"


def test_a_resumed_process_that_passes_the_one_before_is_itself() -> None:
    assert turn_of(at(50, 900), OtherProcess(at(45, 150), 0.0), at(60, 930)) == "goes on"


def test_lines_of_the_process_beside_are_left_out_while_the_other_goes_on() -> None:
    beside = OtherProcess(at(20, 60), 0.0, writes_on=True)
    assert turn_of(at(60, 180), beside, at(20, 61)) == "beside"
    assert turn_of(at(60, 180), beside, at(70, 210)) == "goes on"


def test_the_process_beside_is_followed_once_the_other_is_gone() -> None:
    beside = OtherProcess(at(20, 60), 0.0, writes_on=True, strays=MOST_STRAYS)
    assert turn_of(at(60, 180), beside, at(40, 120)) == "begins"


kinds: st.SearchStrategy[PointKind] = st.sampled_from(["train", "eval", "predict", "final"])
any_points = st.builds(at, st.integers(0, 50), st.integers(0, 99), st.integers(0, 60), kinds)
any_others: st.SearchStrategy[Any] = st.none() | st.builds(
    OtherProcess, any_points, st.floats(0, 1e9), st.booleans(), st.integers(0, 20)
)


@given(any_points, any_others, any_points)
def test_any_line_has_a_meaning(last: LogPoint, other: OtherProcess | None, point: LogPoint) -> None:
    assert turn_of(last, other, point) in ("goes on", "begins", "beside", "took turns", "epilogue")
