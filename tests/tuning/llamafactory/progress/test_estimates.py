"""The study of tests.tuning.llamafactory.estimates holds, on seeds that the estimator was not developed on."""

import pytest

from tests.tuning.llamafactory.progress.estimates.recorded import recorded_traces
from tests.tuning.llamafactory.progress.estimates.reduced import FOLDER, reduced_traces
from tests.tuning.llamafactory.progress.estimates.simulated import KINDS, make_trace
from tests.tuning.llamafactory.progress.estimates.study import (
    DEVELOPED_ON,
    REPORTED_ON,
    SHARES,
    Judged,
    judge,
    summarize,
)
from tests.tuning.llamafactory.progress.estimates.tqdm_bar import TqdmBar
from tests.tuning.llamafactory.progress.estimates.traces import log_text, polls
from tuning.llamafactory.progress.eta import estimate
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import advance
from tuning.llamafactory.progress.trainer_log import parse_log


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return [one for kind in KINDS for seed in REPORTED_ON for one in judge(make_trace(kind, seed))]


def of(judged: list[Judged], *kinds: str, shares: tuple[float, ...] = SHARES) -> list[Judged]:
    return [row for row in judged if row.kind in kinds and row.share in shares]


def test_the_seeds_of_the_report_are_others_than_those_of_development() -> None:
    assert not set(REPORTED_ON) & set(DEVELOPED_ON)


def test_the_error_is_at_most_half_of_the_better_of_the_others(judged: list[Judged]) -> None:
    assert summarize(judged).ratio <= 0.5


def test_so_it_is_when_the_others_need_only_foresee_the_last_step(judged: list[Judged]) -> None:
    assert summarize(judged).ratio_until_last_step <= 0.5


@pytest.mark.parametrize("share", SHARES)
def test_so_it_is_at_each_point_of_the_run(judged: list[Judged], share: float) -> None:
    assert summarize(of(judged, *KINDS, shares=(share,))).ratio <= 0.55


@pytest.mark.parametrize(
    ("kind", "most"),
    [("evaluations", 0.3), ("saves", 0.5), ("both", 0.3), ("warm-up", 0.4), ("resumed", 0.3), ("few lines", 0.5)],
)
def test_so_it_is_in_each_kind_of_run_whose_course_can_be_foreseen(
    judged: list[Judged], kind: str, most: float
) -> None:
    assert summarize(of(judged, kind)).ratio <= most


def test_a_slow_down_is_followed_once_it_is_there(judged: list[Judged]) -> None:
    """At half of the run it has barely begun, and before that nobody can know of it."""
    assert summarize(of(judged, "slowed", shares=(0.75,))).ratio <= 0.3
    assert summarize(of(judged, "slowed", shares=(0.1, 0.25, 0.5))).ratio <= 1.05


def test_where_chance_rules_we_are_no_worse_than_the_others(judged: list[Judged]) -> None:
    assert summarize(of(judged, "plain", "drifting", "hiccups", "neighbours")).ratio <= 1.0


def test_the_true_end_lies_inside_the_bounds_in_8_of_10_estimates(judged: list[Judged]) -> None:
    assert summarize(judged).inside >= 0.8
    foreseeable = ("plain", "evaluations", "saves", "both", "warm-up", "resumed", "few lines")
    assert summarize(of(judged, *foreseeable)).inside >= 0.9


@pytest.mark.parametrize(("share", "most"), [(0.1, 0.6), (0.25, 0.35), (0.5, 0.3), (0.75, 0.3)])
def test_the_bounds_are_narrow_enough_to_be_of_use(judged: list[Judged], share: float, most: float) -> None:
    assert summarize(of(judged, *KINDS, shares=(share,))).width <= most


@pytest.mark.parametrize("seed", range(12))
def test_after_a_restart_nothing_jumps(seed: int) -> None:
    """The steps shown grow within a process, and no estimate is beyond all reason."""
    trace = make_trace("resumed", seed)
    state, longest = EtaState(), 3 * (trace.ends_at_seconds - trace.began_at_seconds)
    for now, points in polls(trace, trace.ends_at_seconds):
        state = advance(state, points, now, trace.plan)
        progress = estimate(state, now)
        if now >= trace.line_at(0.1).written_at_seconds:
            assert progress.eta_seconds is not None
            assert progress.eta_seconds <= longest


def test_the_bar_says_what_tqdm_says() -> None:
    """As tqdm 4.70.1 itself, given a clock: total=10, update(1) at 2 s, update(1) at 3 s, update(2) at 9 s."""
    bar = TqdmBar(10, 0.0)
    for steps, now in ((1, 2.0), (1, 3.0), (2, 9.0)):
        bar.update(steps, now)
    assert [update.left_seconds for update in bar.updates] == pytest.approx([18.0, 11.2941176, 14.4451411])


def test_the_text_of_a_trace_is_a_log_like_any_other() -> None:
    trace = make_trace("both", 1)
    parsed = parse_log(log_text(trace).encode())
    assert parsed.bad_lines == 0
    assert [one.current_steps for one in parsed.points] == [line.point.current_steps for line in trace.lines]
    assert [one.kind for one in parsed.points] == [line.point.kind for line in trace.lines]


def test_on_recorded_runs_of_two_minutes_we_are_better_too() -> None:
    """By less: seconds of rounding and of what comes after training count for much in so short a run."""
    traces = recorded_traces()
    assert len(traces) == 6
    found = summarize(one for trace in traces for one in judge(trace))
    assert found.ratio <= 0.9
    assert found.inside >= 0.7


def test_reduced_logs_of_real_runs_are_read() -> None:
    """A training, a prediction whose last line is two steps before its end, and a resumed training."""
    traces = list(reduced_traces(FOLDER))
    assert [trace.kind for trace in traces] == ["train", "predict", "train"]
    assert [trace.first_step for trace in traces] == [0, 0, 230]
    assert traces[0].ends_at_seconds == 818
    early = next(trace for trace in reduced_traces(FOLDER, "last line") if trace.kind == "predict")
    assert traces[1].ends_at_seconds == pytest.approx(early.ends_at_seconds * 107 / 105)


def test_the_estimates_of_these_real_runs_are_near_the_truth() -> None:
    judged = {trace.kind: list(judge(trace)) for trace in reduced_traces(FOLDER) if not trace.first_step}
    assert summarize(judged["train"]).ours <= 0.03
    assert summarize(judged["predict"]).ours <= 0.06
