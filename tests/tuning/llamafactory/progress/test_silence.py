"""How long a run may say nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.pace import Stretch
from tuning.llamafactory.progress.silence import (
    FIRST_LINE_SECONDS,
    LEAST_SECONDS,
    estimate_stands_seconds,
    patience_seconds,
)
from tuning.llamafactory.progress.trainer_log import parse_log
from tuning.moments import LONGEST_SECONDS

LAST = parse_log(
    b'{"current_steps": 100, "total_steps": 1000, "loss": 1.0, "percentage": 10.0, "elapsed_time": "0:10:00", '
    b'"remaining_time": "1:30:00"}\n'
).points[0]
SLOW = EtaState(
    plan=TrainingPlan(logging_steps=10),
    last=LAST,
    stretches=tuple(Stretch(10, 100.0, 0) for _ in range(5)),
)


def test_before_its_first_line_a_run_has_an_hour() -> None:
    assert patience_seconds(EtaState()) == FIRST_LINE_SECONDS


def test_ten_times_what_lies_between_two_lines() -> None:
    assert patience_seconds(SLOW) == pytest.approx(10 * 100, rel=0.05)


def test_evaluations_and_saves_are_waited_for_too() -> None:
    state = replace(SLOW, saves=(50.0, 200.0), evaluations=((400.0, 10.0), (300.0, 10.0)))
    assert patience_seconds(state) == pytest.approx(1000 + 3 * 600, rel=0.05)


def test_an_evaluation_that_nobody_has_seen_yet_may_take_long() -> None:
    state = replace(SLOW, plan=TrainingPlan(logging_steps=10, evaluation=Cadence(50, "steps", at_end=True)))
    assert patience_seconds(state) == pytest.approx(1000 + 1800, rel=0.05)


def test_after_the_last_step_nothing_is_expected() -> None:
    assert patience_seconds(replace(SLOW, finished=True)) is None


@given(seconds=st.floats(min_value=0.01, max_value=1e5))
def test_it_is_never_hasty(seconds: float) -> None:
    state = replace(SLOW, stretches=(Stretch(10, seconds, 0),))
    patience = patience_seconds(state)
    assert patience is not None
    assert patience >= LEAST_SECONDS


@given(eta_seconds=st.floats(0, LONGEST_SECONDS))
def test_an_estimate_is_made_anew_before_it_is_far_off(eta_seconds: float) -> None:
    stands = estimate_stands_seconds(eta_seconds)
    assert stands >= 15
    assert stands <= max(15, eta_seconds / 50)
