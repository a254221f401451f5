import pytest

from tests.tuning.llamafactory.progress.test_eta import followed, point
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan, plan_of
from tuning.llamafactory.progress.console_bar import ConsoleBar
from tuning.llamafactory.progress.eta import estimate
from tuning.llamafactory.progress.eta_state import EtaState, from_json, present_pace, to_json
from tuning.llamafactory.progress.learning import advance, follow_bar
from tuning.llamafactory.progress.processes import MOST_STRAYS
from tuning.llamafactory.progress.trainer_log import LogPoint

PLAN = TrainingPlan(logging_steps=10)
PREDICTION = plan_of({"do_predict": True})
STEPS = range(5, 105, 5)


def predicted(step: int, elapsed: int, total: int = 64) -> LogPoint:
    return point(step, elapsed, total, kind="predict", epoch=None, values={}, total_tokens=None)


def paced(state: EtaState) -> float:
    pace = present_pace(state)
    assert pace is not None
    return pace.seconds_per_step


@pytest.mark.parametrize("lag", [1, 400])
def test_the_time_of_two_that_write_one_log_counts_once(lag: int) -> None:
    """Three seconds a step; the second process began `lag` seconds after the first."""
    first = [(3.0 * step, point(step, 3 * step, 500)) for step in range(10, 410, 10)]
    second = [(3.0 * step + lag, point(step, 3 * step - 1, 500)) for step in range(10, 410, 10)]
    state = EtaState()
    for written_at, line in sorted([*first, *second], key=lambda row: row[0]):
        if written_at <= 1200:
            state = advance(state, [line], written_at, PLAN)
    progress = estimate(from_json(to_json(state)), 1200.0)
    assert progress.current_steps == 400
    assert progress.elapsed_seconds == pytest.approx(1200, abs=5)
    assert progress.eta_seconds == pytest.approx(300, abs=15)


def test_all_lines_of_two_that_write_one_log_in_a_single_poll() -> None:
    lines = [line for step in range(10, 310, 10) for line in (point(step, 3 * step), point(step, 3 * step - 2))]
    progress = estimate(advance(EtaState(), lines, 5000.0, PLAN), 5000.0)
    assert progress.elapsed_seconds is not None
    assert progress.elapsed_seconds <= 1000


def test_of_two_writers_the_second_is_followed_when_the_first_is_gone() -> None:
    together = [line for step in (50, 60, 70) for line in (point(step, 3 * step), point(step - 40, 3 * step - 120))]
    alone = [point(step, 3 * step) for step in range(40, 40 + 10 * (MOST_STRAYS + 3), 10) if step <= 100]
    more = [point(step, 3 * step, 300) for step in range(110, 250, 10)]
    state = followed([*together, *alone, *more])
    assert estimate(state, 2000.0).current_steps == 240


def test_a_log_of_predictions_that_ends_at_step_0_has_ended() -> None:
    lines = [predicted(step, 8 * step - 8) for step in range(5, 65, 5)]
    state = followed([*lines, point(0, 0, 64, kind="final", values={})], PREDICTION)
    progress = estimate(state, 1475.0)
    assert (progress.current_steps, progress.percentage) == (64, 100.0), "every fifth step alone is logged"
    assert progress.elapsed_seconds == pytest.approx(472, abs=5)
    assert progress.eta_seconds is not None
    assert progress.eta_seconds <= 5


@pytest.mark.parametrize("total", [0, 3])
@pytest.mark.parametrize("has_bar", [False, True])
def test_an_evaluation_alone_of_a_few_batches_is_done_by_its_only_line(total: int, has_bar: bool) -> None:
    plan = plan_of({"do_train": False, "do_eval": True})
    state = shown(EtaState(plan=plan), 1, 2, total=3) if has_bar else EtaState(plan=plan)
    line = point(0, 9, kind="eval", total_steps=total, values={"eval_loss": 1.5}, epoch=None)
    state = advance(state, [line], 1009.0, plan)
    progress = estimate(state, 1009.0)
    done = 3 if has_bar or total else 1
    assert (progress.current_steps, progress.total_steps, progress.percentage) == (done, done, 100.0)
    assert (progress.eval_loss, progress.elapsed_seconds) == (1.5, 9)
    assert progress.eta_seconds is None or progress.eta_seconds <= 5


def test_an_evaluation_alone_saves_nothing_and_evaluates_once() -> None:
    assert plan_of({"do_train": False, "do_eval": True}) == PREDICTION


def test_an_evaluation_before_the_first_step_of_a_training_ends_nothing() -> None:
    plan = TrainingPlan(10, Cadence(20, "steps", at_end=True))
    state = followed([point(0, 5, kind="eval", values={}), point(10, 30)], plan)
    assert (estimate(state, 1030.0).current_steps, state.finished) == (10, False)


def test_the_clock_of_predictions_starts_after_their_first_step() -> None:
    state = followed([predicted(5, 32)], PREDICTION)
    assert paced(state) == pytest.approx(8)


def test_predictions_save_nothing() -> None:
    state = followed([predicted(step, 8 * step - 8) for step in range(5, 55, 5)], PREDICTION)
    assert estimate(state, 1392.0).eta_seconds == pytest.approx(14 * 8, abs=3)


def test_the_bounds_of_predictions_are_as_wide_as_answers_have_varied() -> None:
    def width(*longer: int) -> float:
        elapsed = [8 * step - 8 + sum(seconds for at, seconds in enumerate(longer) if step > 20 * at) for step in STEPS]
        state = followed([predicted(*line, 640) for line in zip(STEPS, elapsed, strict=True)], PREDICTION)
        progress = estimate(state, 1000.0 + elapsed[-1])
        assert progress.eta_low_seconds is not None
        assert progress.eta_high_seconds is not None
        return progress.eta_high_seconds - progress.eta_low_seconds

    even, uneven = width(), width(0, 60, 0, 90)
    assert even < 0.1 * 8 * 540
    assert uneven > 3 * even


def test_the_low_bound_of_a_prediction_reaches_to_the_last_line_that_it_will_log() -> None:
    """Every fifth step is logged: of 643 steps the last three leave no line."""
    states = [followed([predicted(step, 8 * step - 8, total) for step in STEPS], PREDICTION) for total in (640, 643)]
    low, longer = (estimate(state, 1792.0).eta_low_seconds for state in states)
    assert low is not None
    assert longer == pytest.approx(low, abs=2)


def test_an_evaluation_whose_line_has_the_clock_of_its_step_shows_in_the_next_interval() -> None:
    """As LLaMA-Factory wrote it before 0.8: 25 s of evaluation after each 20 steps of 1 s."""
    plan = TrainingPlan(logging_steps=10, evaluation=Cadence(20, "steps", at_end=True))
    lines = [point(10, 10, 200), point(20, 20, 200), point(20, 20, 200, kind="eval", values={})]
    lines += [point(30, 55, 200), point(40, 65, 200), point(40, 65, 200, kind="eval", values={}), point(50, 100, 200)]
    state = followed(lines, plan)
    assert paced(state) == pytest.approx(1.0, rel=0.05)
    assert state.evaluations[-1][0] == pytest.approx(25, abs=1)
    assert estimate(state, 1100.0).eta_seconds == pytest.approx(150 + 8 * 25, abs=10)


def test_lines_without_a_clock_are_timed_by_the_polls() -> None:
    state = EtaState()
    for step in range(1, 21):
        line = point(step, 0, 60, has_clock=False, total_tokens=None)
        state = advance(state, [line], 500.0 + 6 * step, TrainingPlan(logging_steps=1))
    assert paced(state) == pytest.approx(6.0, rel=0.05)
    assert estimate(state, 620.0).eta_seconds == pytest.approx(240, abs=15)


def test_many_lines_without_a_clock_in_one_poll_leave_their_values_alone() -> None:
    lines = [point(step, 0, 60, has_clock=False, values={"loss": float(step)}) for step in range(1, 9)]
    state = advance(EtaState(), lines, 500.0, PLAN)
    progress = estimate(state, 500.0)
    assert (progress.current_steps, progress.loss, progress.eta_seconds) == (8, 8.0, None)


def test_a_process_that_goes_on_after_a_resume_is_expected_to_keep_its_pace() -> None:
    before = followed([point(step, 3 * step, 300) for step in range(10, 210, 10)])
    state = advance(before, [point(200, 90, 300)], 9000.0, PLAN)
    assert paced(state) == pytest.approx(3.0)


SELDOM = TrainingPlan(logging_steps=500, saving=Cadence(500, "steps", at_end=True))


def shown(state: EtaState, *steps: int, total: int = 1000, began_at: float = 1000.0) -> EtaState:
    """The console's bar at these steps, four seconds each."""
    for step in steps:
        state = follow_bar(state, [ConsoleBar(step, total, 4 * step)], began_at + 4 * step)
    return state


def test_a_run_that_has_logged_nothing_is_followed_by_its_bar() -> None:
    progress = estimate(shown(EtaState(plan=SELDOM), *range(10, 210, 10)), 1800.0)
    assert (progress.current_steps, progress.total_steps, progress.percentage) == (200, 1000, 20.0)
    assert progress.eta_seconds == pytest.approx(3200, abs=20)
    assert progress.elapsed_seconds == pytest.approx(800, abs=2)


def test_one_look_at_a_bar_gives_steps_and_no_guess() -> None:
    progress = estimate(shown(EtaState(plan=SELDOM), 40), 1160.0)
    assert (progress.current_steps, progress.eta_seconds) == (40, None)


@pytest.mark.parametrize("apart", [-2, 0, 2])
def test_lines_and_bars_take_turns(apart: int) -> None:
    """The clock of the log may have begun some seconds before or after that of the bar."""
    state = shown(EtaState(plan=SELDOM), *range(10, 505, 7))
    state = advance(state, [point(500, 2000 + apart, 1000)], 3000.0, SELDOM)
    state = shown(state, *range(507, 700, 7))
    progress = estimate(from_json(to_json(state)), 3786.0)
    assert (progress.current_steps, progress.loss) == (696, 2.0)
    assert progress.elapsed_seconds == pytest.approx(2786, abs=5)
    assert progress.eta_seconds == pytest.approx(304 * 4, abs=25)
    assert progress.tokens_per_second == pytest.approx(250, rel=0.1)


def test_a_line_that_comes_later_than_the_bar_takes_nothing_back() -> None:
    state = shown(EtaState(plan=SELDOM), *range(10, 520, 10))
    state = advance(state, [point(500, 2000, 1000)], 3050.0, SELDOM)
    progress = estimate(state, 3050.0)
    assert (progress.current_steps, progress.loss) == (510, 2.0)
    assert progress.elapsed_seconds == pytest.approx(2050, abs=5)


def test_a_bar_of_another_total_or_of_an_earlier_step_is_none_of_the_training() -> None:
    state = shown(followed([point(10, 40, 1000), point(20, 80, 1000)], SELDOM), 30)
    for bar in (ConsoleBar(31, 40, 130), ConsoleBar(30, 1000, 140), ConsoleBar(25, 1000, 130), ConsoleBar(40, 1000, 9)):
        assert follow_bar(state, [bar], 1200.0) == state


def test_a_bar_that_was_none_of_the_training_is_left_for_its_own() -> None:
    state = follow_bar(EtaState(plan=SELDOM), [ConsoleBar(7, 8, 3)], 1000.0)
    progress = estimate(shown(state, 10, 20, 30, began_at=2000.0), 2120.0)
    assert (progress.current_steps, progress.total_steps) == (30, 1000)
    assert progress.eta_seconds == pytest.approx(970 * 4, rel=0.02)


def test_a_resumed_run_does_not_keep_the_bar_of_the_process_before() -> None:
    before = shown(followed([point(500, 2000, 1000)], SELDOM), *range(510, 610, 10))
    state = advance(before, [point(510, 30, 1000)], 9000.0, SELDOM)
    assert (state.bar, estimate(state, 9000.0).current_steps) == (None, 510)
