import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.llamafactory.progress.estimates.simulated import KINDS, make_trace
from tests.tuning.llamafactory.progress.estimates.traces import polls
from tuning.jobs.attempt.continuation import warning_seconds
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.eta import Progress, estimate
from tuning.llamafactory.progress.eta_state import EtaState, from_json, to_json
from tuning.llamafactory.progress.learning import advance
from tuning.llamafactory.progress.silence import patience_seconds
from tuning.llamafactory.progress.trainer_log import LogPoint, parse_log
from tuning.moments import later

FIXTURES = Path(__file__).parents[3] / "fixtures" / "llamafactory"
PLAN = TrainingPlan(logging_steps=10)


def point(step: int, elapsed: int, total: int = 100, **changes: object) -> LogPoint:
    known: dict[str, object] = {
        "current_steps": step,
        "total_steps": total,
        "kind": "train",
        "epoch": step / total,
        "percentage": 100 * step / total,
        "values": {"loss": 2.0},
        "elapsed_seconds": elapsed,
        "total_tokens": step * 1000,
        "diverged": False,
    }
    return LogPoint(**{**known, **changes})  # type: ignore[arg-type]  # a builder for tests: any field may be given


def followed(points: list[LogPoint], plan: TrainingPlan = PLAN) -> EtaState:
    """Polled just when each line was written, on a clock on which training began at 1000."""
    return further(EtaState(), points, 1000.0, plan)


def further(state: EtaState, points: list[LogPoint], began_at: float, plan: TrainingPlan = PLAN) -> EtaState:
    for one in points:
        state = advance(state, [one], began_at + one.elapsed_seconds, plan)
    return state


def test_before_the_first_step_nothing_is_known() -> None:
    state = advance(EtaState(), [], 5.0, PLAN)
    assert estimate(state, 6.0) == Progress()


def test_the_first_line_gives_an_honest_guess() -> None:
    progress = estimate(followed([point(10, 30)]), 1030.0)
    assert (progress.current_steps, progress.total_steps, progress.percentage) == (10, 100, 10.0)
    assert progress.eta_seconds == pytest.approx(270, abs=20)
    assert progress.eta_low_seconds is not None
    assert progress.eta_high_seconds is not None
    assert progress.eta_low_seconds < 150
    assert progress.eta_high_seconds > 450


def test_a_steady_run() -> None:
    state = followed([point(step, step * 3) for step in range(10, 60, 10)])
    progress = estimate(state, 1150.0)
    assert progress.eta_seconds == pytest.approx(150, abs=12)
    assert progress.tokens_per_second == pytest.approx(333, rel=0.01)
    assert progress.elapsed_seconds == pytest.approx(150, abs=1)
    assert progress.loss == 2.0
    assert progress.epoch == 0.5


def test_time_passes_between_two_lines() -> None:
    state = followed([point(step, step * 3) for step in range(10, 60, 10)])
    now, later = estimate(state, 1150.0).eta_seconds, estimate(state, 1170.0).eta_seconds
    assert now is not None
    assert later is not None
    assert now - later == pytest.approx(20, abs=1)


def test_a_run_that_stalls_does_not_come_nearer_to_its_end() -> None:
    state = followed([point(step, step * 3) for step in range(10, 60, 10)])
    late, later = estimate(state, 1300.0).eta_seconds, estimate(state, 9000.0).eta_seconds
    assert late == later
    assert late is not None
    assert late >= 120  # the 40 steps after the next line are still to come


def test_a_long_first_evaluation_moves_the_end_for_each_to_come() -> None:
    """Guessed were two seconds; those after 40, 60, 80 and 100 steps and the one after training take as long."""
    plan = TrainingPlan(10, Cadence(20, "steps", at_end=True), evaluates_at_end=True, eval_steps_worth=2)
    state = followed([point(10, 10), point(20, 20)], plan)
    guessed, later = estimate(state, 1020.0).eta_seconds, estimate(state, 1120.0).eta_seconds
    assert guessed == pytest.approx(80 + 6 * 2, abs=10)
    assert later == pytest.approx(80 + 5 * 100, abs=10)


@pytest.mark.parametrize("what", ["evaluation", "saving"])
def test_the_end_moves_on_while_what_comes_next_is_late(what: str) -> None:
    """Steps and costs are known; only after the 20th and 40th step something else than steps is due."""
    cadence = Cadence(20, "steps", at_end=True)
    plan = TrainingPlan(10, evaluation=cadence) if what == "evaluation" else TrainingPlan(10, saving=cadence)
    after = [point(20, 40, kind="eval", values={})] if what == "evaluation" else []
    lines = [point(10, 10), point(20, 20), *after, point(30, 50), point(40, 60)]
    usual = 20.0 if what == "evaluation" else 30.0
    state = followed(lines, plan)
    on_time, late, later = (estimate(state, 1060.0 + age) for age in (usual - 5, usual + 40, usual + 400))
    assert on_time.eta_seconds is not None
    assert late.eta_seconds is not None
    assert late.eta_high_seconds is not None
    assert later.eta_high_seconds is not None
    assert on_time.eta_seconds - late.eta_seconds <= 10, "forty seconds have passed, which were not foreseen"
    assert late.eta_seconds == later.eta_seconds
    assert later.eta_high_seconds == pytest.approx(late.eta_high_seconds + 360)


def test_evaluations_to_come_are_counted() -> None:
    plan = TrainingPlan(logging_steps=10, evaluation=Cadence(20, "steps", at_end=True), evaluates_at_end=True)
    lines = [point(10, 10), point(20, 20), point(20, 60, kind="eval", values={"eval_loss": 1.5}), point(30, 70)]
    progress = estimate(followed([*lines, point(40, 80)], plan), 1080.0)
    # 60 steps, the evaluations after 40, 60, 80 and 100, and the one after training
    assert progress.eta_seconds == pytest.approx(60 + 5 * 40, abs=15)
    assert progress.eval_loss == 1.5


def test_evaluations_that_no_plan_told_of_are_learned() -> None:
    lines = [
        line
        for nth in range(1, 6)
        for line in (point(10 * nth, 10 * nth + 40 * (nth - 1)), point(10 * nth, 50 * nth, kind="eval", values={}))
    ]
    progress = estimate(followed(lines), 1250.0)
    assert progress.eta_seconds == pytest.approx(250, abs=20)


def test_the_first_evaluation_has_its_own_warm_up() -> None:
    plan = TrainingPlan(logging_steps=10, evaluation=Cadence(20, "steps", at_end=True))
    times = [(10, 10), (20, 20), (20, 120), (30, 130), (40, 140), (40, 160), (50, 170), (60, 180), (60, 200)]
    kinds = ["train", "train", "eval", "train", "train", "eval", "train", "train", "eval"]
    lines = [point(step, at, kind=kind) for (step, at), kind in zip(times, kinds, strict=True)]
    # 40 steps and two evaluations of 20 s; the first took 100
    assert estimate(followed(lines, plan), 1200.0).eta_seconds == pytest.approx(40 + 2 * 20, abs=12)


def test_saves_to_come_are_counted() -> None:
    plan = TrainingPlan(logging_steps=10, saving=Cadence(30, "steps", at_end=True))
    elapsed = {10: 10, 20: 20, 30: 30, 40: 60, 50: 70, 60: 80}  # 20 s of saving after step 30
    progress = estimate(followed([point(step, at) for step, at in elapsed.items()], plan), 1080.0)
    # 40 steps; saves after 60, 90 and 100; the final model
    assert progress.eta_seconds == pytest.approx(40 + 3 * 20 + 20, abs=15)


def test_a_save_in_every_interval_is_part_of_the_pace() -> None:
    plan = TrainingPlan(logging_steps=10, saving=Cadence(10, "steps", at_end=True))
    progress = estimate(followed([point(step, 3 * step) for step in range(10, 60, 10)], plan), 1150.0)
    assert progress.eta_seconds == pytest.approx(150, abs=15)


def test_several_evaluation_sets_look_like_the_last_line_and_are_not() -> None:
    plan = TrainingPlan(logging_steps=10, evaluation=Cadence(20, "steps", at_end=True))
    lines = [point(10, 10), point(20, 20), point(20, 60, kind="final", values={})]
    state = followed(lines, plan)
    assert not state.finished
    assert estimate(state, 1060.0).eta_seconds == pytest.approx(80 + 4 * 40, abs=25)


def test_after_the_last_line_only_the_closing_is_left() -> None:
    lines = [point(step, step) for step in range(10, 110, 10)]
    state = followed([*lines, point(100, 102, kind="final", values={})])
    progress = estimate(state, 1102.0)
    assert progress.percentage == 100.0
    assert progress.eta_seconds is not None
    assert 0 < progress.eta_seconds < 15
    late = estimate(state, 2000.0)
    assert late.eta_seconds is not None
    assert 0 < late.eta_seconds < 15, "it runs still, so it has not ended"
    assert late.eta_high_seconds is not None
    assert late.eta_high_seconds > 880, "and may take as long again as it has taken beyond what was expected"


def test_a_resumed_run_counts_from_its_own_first_line() -> None:
    before = [point(step, step * 10, total=400) for step in range(10, 310, 10)]
    after = [point(step, (step - 280) * 2, total=400) for step in range(290, 350, 10)]
    state = further(followed(before), after, began_at=9000.0)
    progress = estimate(state, 9120.0)
    assert progress.elapsed_seconds == pytest.approx(3000 + 120, abs=1), "with what the first process took"
    assert progress.eta_seconds == pytest.approx(60 * 2, abs=15)
    assert progress.tokens_per_second == pytest.approx(500, rel=0.01)


def test_a_recorded_resume_is_told_from_its_own_lines() -> None:
    """The log says 6,112 tokens a second, counting those of before the resume in the time after it."""
    points = parse_log((FIXTURES / "trainer_log.resumed_after_kill.jsonl").read_bytes()).points
    state = advance(EtaState(), points, 50.0, TrainingPlan(logging_steps=5))
    progress = estimate(state, 50.0)
    assert (progress.current_steps, progress.total_steps) == (120, 120)
    assert progress.tokens_per_second is not None
    assert progress.tokens_per_second < 4000  # about 1,500, read from a clock of whole seconds over two of them
    assert state.finished


def test_steps_never_exceed_the_total() -> None:
    progress = estimate(followed([point(3, 1, total=2)]), 1002.0)
    assert (progress.current_steps, progress.total_steps, progress.percentage) == (2, 2, 100.0)


def test_a_poll_that_brings_many_lines_teaches_as_much_as_many_polls() -> None:
    trace = make_trace("both", 3)
    half = [line for line in trace.lines if line.written_at_seconds <= trace.line_at(0.5).written_at_seconds]
    now = half[-1].written_at_seconds
    at_once = advance(EtaState(), [line.point for line in half], now, trace.plan)
    state = EtaState()
    for line in half:
        state = advance(state, [line.point], line.written_at_seconds, trace.plan)
    one, other = estimate(at_once, now).eta_seconds, estimate(state, now).eta_seconds
    assert one is not None
    assert other == pytest.approx(one, abs=2)


def test_diverged_values_are_unknown_and_old_ones_stay() -> None:
    state = followed([point(10, 10), point(20, 20, values={"loss": None, "learning_rate": 1e-4})])
    progress = estimate(state, 1020.0)
    assert progress.loss is None
    assert progress.learning_rate == 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_can_be_stored_between_any_two_polls(kind: str) -> None:
    trace = make_trace(kind, 1)
    kept, stored = EtaState(), EtaState()
    for now, points in polls(trace, trace.ends_at_seconds):
        kept = advance(kept, points, now, trace.plan)
        text = json.dumps(to_json(advance(stored, points, now, trace.plan)), allow_nan=False)
        stored = from_json(json.loads(text))
        assert len(text) < 4000
    assert stored == kept


@pytest.mark.parametrize("stored", [None, {}, {"version": 0, "anything": 1}])
def test_a_state_of_another_version_is_learned_again(stored: dict[str, object] | None) -> None:
    assert from_json(stored) == EtaState()


@pytest.mark.parametrize(
    ("name", "number"),
    [("elapsed_before", math.inf), ("began_at", math.nan), ("saves", [math.nan]), ("stretches", [[1, math.inf, 0]])],
)
def test_a_state_with_numbers_that_no_run_has_is_learned_again(name: str, number: object) -> None:
    stored = to_json(followed([point(10, 30), point(20, 60)]))
    assert from_json(stored) != EtaState()
    assert from_json({**stored, name: number}) == EtaState()
    assert from_json({**stored, "last": {**stored["last"], "total_steps": 10**14}}) == EtaState()


def test_a_run_of_more_than_a_hundred_years_has_no_known_end() -> None:
    progress = estimate(followed([point(10, 30, 2**31 - 1), point(20, 6000, 2**31 - 1)]), 7000.0)
    assert (progress.current_steps, progress.eta_seconds, progress.eta_high_seconds) == (20, None, None)


any_numbers = st.floats() | st.integers(-(2**63), 2**63)
any_points = st.builds(
    point,
    st.integers(0, 2**53),
    st.integers(0, 10**11),
    st.integers(1, 2**53),
    kind=st.sampled_from(["train", "eval", "final", "predict"]),
    epoch=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    total_tokens=st.none() | st.integers(0, 2**53),
    has_clock=st.booleans(),
) | st.builds(point, st.integers(0, 120), st.integers(0, 300), kind=st.sampled_from(["train", "eval", "final"]))
any_cadences = st.none() | st.builds(
    Cadence,
    st.integers(1, 50) | st.floats(0.01, 0.99) | any_numbers,
    st.sampled_from(["steps", "epochs"]),
    st.booleans(),
)
any_plans = st.builds(
    TrainingPlan,
    st.integers(1, 50) | st.floats(0.001, 0.9) | any_numbers,
    any_cadences,
    any_cadences,
    st.booleans(),
    st.none() | any_numbers,
    st.none() | any_numbers,
)


@given(
    any_plans, st.lists(st.tuples(st.lists(any_points, max_size=4), st.floats(0, 1e9)), max_size=8), st.floats(0, 1e9)
)
def test_whatever_the_log_says_the_answer_is_sane(
    plan: TrainingPlan, seen: list[tuple[list[LogPoint], float]], now: float
) -> None:
    state = EtaState()
    for points, at in seen:
        state = advance(state, points, at, plan)
        assert all(value is None or math.isfinite(value) for value in vars(estimate(state, now)).values())
        later(NOON, patience_seconds(state))
        warning_seconds(86_400, state)
        state = from_json(json.loads(json.dumps(to_json(state))))
    progress = estimate(state, now)
    if progress.eta_seconds is not None:
        assert progress.eta_low_seconds is not None
        assert progress.eta_high_seconds is not None
        assert 0 <= progress.eta_low_seconds <= progress.eta_seconds <= progress.eta_high_seconds
        assert math.isfinite(progress.eta_high_seconds)
    if progress.current_steps is not None and progress.total_steps is not None:
        assert progress.current_steps <= progress.total_steps


@given(
    any_plans,
    st.lists(st.tuples(st.lists(any_points, max_size=4), st.floats(0, 1e9)), max_size=8),
    st.lists(st.floats(0, 1e10), min_size=2, max_size=5).map(sorted),
)
def test_while_nothing_is_logged_no_end_comes_nearer(
    plan: TrainingPlan, seen: list[tuple[list[LogPoint], float]], moments: list[float]
) -> None:
    state = EtaState()
    for points, at in seen:
        state = advance(state, points, at, plan)
    told = [(now, estimate(state, now)) for now in moments]
    for name in ("eta_seconds", "eta_high_seconds"):
        ends = [now + seconds for now, progress in told if (seconds := getattr(progress, name)) is not None]
        assert ends == pytest.approx(sorted(ends), rel=1e-9, abs=1e-3)
