from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.llamafactory.progress.test_eta import any_plans, any_points, followed, point
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.checkpoints import due_checkpoints, next_checkpoint, with_checkpoint
from tuning.llamafactory.progress.eta import estimate
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import advance

SELDOM = TrainingPlan(logging_steps=500, saving=Cadence(100, "steps", at_end=True))


def test_checkpoints_between_two_lines_are_looked_for_one_after_the_other() -> None:
    state = followed([point(1, 4, 1000)], SELDOM)
    steps = []
    for written_at in (1400, 1800, 2200):
        step = next_checkpoint(state)
        assert step is not None
        steps.append(step)
        state = with_checkpoint(state, step, written_at)
    assert steps == [100, 200, 300]
    progress = estimate(state, 2200.0)
    assert (progress.current_steps, progress.loss) == (300, 2.0)
    assert progress.eta_seconds == pytest.approx(4 * 700, rel=0.02)


@pytest.mark.parametrize(
    "plan",
    [
        TrainingPlan(logging_steps=100, saving=Cadence(100, "steps", at_end=True)),
        TrainingPlan(logging_steps=500),
        TrainingPlan(logging_steps=500, saving=Cadence(1, "epochs", at_end=False)),
        TrainingPlan(logging_steps=5000, saving=Cadence(1000, "steps", at_end=True)),
    ],
    ids=["the log says as much", "nothing is saved", "by epochs", "the last one, which a line follows"],
)
def test_none_is_looked_for_where_that_would_tell_nothing(plan: TrainingPlan) -> None:
    assert next_checkpoint(followed([point(1, 4, 1000)], plan)) is None
    assert next_checkpoint(EtaState(plan=plan)) is None


def test_a_checkpoint_of_an_earlier_process_says_nothing() -> None:
    state = followed([point(101, 400, 1000)], SELDOM)
    assert with_checkpoint(state, 200, 1100.0) == state
    assert with_checkpoint(state, 100, 1500.0) == state, "nor does a step that was done before"


@given(any_plans, st.lists(any_points, max_size=4), st.floats(-1e12, 1e12))
def test_whatever_the_log_and_the_clock_say_steps_stay_within_the_run(
    plan: TrainingPlan, points: list[object], written_at: float
) -> None:
    state = advance(EtaState(), points, 1000.0, plan)  # type: ignore[arg-type]  # points of the strategy
    step = next_checkpoint(state)
    if step is None:
        return
    progress = estimate(with_checkpoint(state, step, written_at), 2000.0)
    assert progress.current_steps is not None
    assert progress.total_steps is not None
    assert progress.current_steps <= progress.total_steps
    assert all(1 <= due <= progress.total_steps for due in due_checkpoints(state))


@pytest.mark.parametrize(
    ("saving", "current", "due"),
    [
        (Cadence(100, "steps", at_end=True), 4, (100,)),
        (Cadence(100, "steps", at_end=True), 250, (200, 300)),
        (Cadence(100, "steps", at_end=True), 350, (300, 370)),
        (Cadence(100, "steps", at_end=False), 350, (300,)),
        (Cadence(0.1, "steps", at_end=True), 40, (37, 74)),
        (Cadence(1, "epochs", at_end=False), 80, (74, 148)),
        (Cadence(2.5, "steps", at_end=True), 40, ()),
        (None, 40, ()),
    ],
)
def test_the_newest_checkpoint_and_the_next_are_due(saving: Cadence | None, current: int, due: tuple[int, ...]) -> None:
    """Of a run of 370 steps in 5 epochs; the log rounds its epoch to two digits."""
    plan = TrainingPlan(logging_steps=10, saving=saving)
    line = replace(point(current, 4 * current, 370), epoch=round(current / 74, 2))
    assert due_checkpoints(followed([line], plan)) == due
    assert due_checkpoints(EtaState(plan=plan)) == ()
