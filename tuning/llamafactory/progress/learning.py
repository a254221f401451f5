"""Learning of a run's pace, evaluations and saves from the lines of its log. Pure."""

import math
from collections.abc import Iterable
from dataclasses import replace

from tuning.llamafactory.config.schedule import TrainingPlan
from tuning.llamafactory.progress.console_bar import ConsoleBar
from tuning.llamafactory.progress.eta_state import EtaState, present_pace
from tuning.llamafactory.progress.pace import Stretch, extend, measure
from tuning.llamafactory.progress.processes import OtherProcess, turn_of
from tuning.llamafactory.progress.trainer_log import MAX_ELAPSED_SECONDS, LogPoint

_KEPT_EVALUATIONS = 8
_KEPT_SAVES = 12
_CLOCKS_APART_SECONDS = 5
"""The bar is made and the log's clock started in the same moment, but for what comes between."""


def advance(state: EtaState, points: Iterable[LogPoint], observed_at_seconds: float, plan: TrainingPlan) -> EtaState:
    """The state after a poll that brought these lines at this moment of our clock."""
    state = replace(state, plan=plan)
    for point in _timed(state, list(points), observed_at_seconds):
        state = _take(state, point, observed_at_seconds)
    return state


def follow_bar(state: EtaState, bars: Iterable[ConsoleBar], observed_at_seconds: float) -> EtaState:
    """The state after a poll that brought these bars of the console: the same where they tell nothing new."""
    for bar in bars:
        if state.last is None and (state.bar is None or state.bar.total_steps != bar.total_steps):
            state = replace(state, bar=None, stretches=(), began_at=None)
        newest = state.bar or state.last
        if not state.finished and _is_ahead(newest, bar):
            point = _point_of(bar, newest)
            began_at = _began(state, point, observed_at_seconds)
            state = replace(_learn(state, newest, point) if newest else state, bar=point, began_at=began_at)
    return state


def _is_ahead(newest: LogPoint | None, bar: ConsoleBar) -> bool:
    """Before the first line of the log the newest bar is taken for that of the training."""
    if newest is None:
        return True
    is_later = bar.elapsed_seconds >= newest.elapsed_seconds - _CLOCKS_APART_SECONDS
    return is_later and bar.total_steps == newest.total_steps and bar.current_steps > newest.current_steps


def _point_of(bar: ConsoleBar, newest: LogPoint | None) -> LogPoint:
    """The bar as a line without values; what the log counts beside steps is taken to have grown as they have."""
    grown = bar.current_steps / newest.current_steps if newest and newest.current_steps else 0.0
    epoch = newest.epoch * grown if newest and newest.epoch and grown else None
    return LogPoint(
        current_steps=bar.current_steps,
        total_steps=bar.total_steps,
        kind=newest.kind if newest and newest.kind == "predict" else "train",
        epoch=epoch if epoch is not None and epoch < math.inf else None,
        percentage=round(100 * bar.current_steps / bar.total_steps, 2),
        values={},
        elapsed_seconds=max(bar.elapsed_seconds, newest.elapsed_seconds if newest else 0),
        total_tokens=round((newest.total_tokens or 0) * grown) if newest else None,
        diverged=False,
    )


def _timed(state: EtaState, points: list[LogPoint], observed_at: float) -> list[LogPoint]:
    """The lines with a clock; of those without, the newest, which is as old as the poll that saw it.

    Of the earlier ones nothing can be told but their values.
    """
    if not points or any(point.has_clock for point in points):
        return [point for point in points if point.has_clock]
    values = {name: value for point in points for name, value in point.values.items()}
    newest, last = points[-1], state.last
    goes_back = last is None or newest.current_steps < last.current_steps
    elapsed = 0 if goes_back or state.began_at is None else observed_at - state.began_at
    seconds = round(min(max(elapsed, 0.0), MAX_ELAPSED_SECONDS))
    return [replace(newest, values=values, elapsed_seconds=seconds)]


def _take(state: EtaState, point: LogPoint, observed_at: float) -> EtaState:
    state = replace(state, latest=tuple({**dict(state.latest), **point.values}.items()))
    if state.last is None:
        return _first_taken(state, point, observed_at)
    match turn_of(state.last, state.other, point):
        case "epilogue":
            return _ended(state, state.last, point) if state.last.kind == "predict" else state
        case "beside":
            return replace(state, other=_strayed(state.other))
        case "took turns":
            return _go_back_to(state, point, observed_at)
        case "begins":
            return _taken(_begin(_left(state, state.last), point), point, observed_at)
        case "goes on":
            return _taken(_gone_on(state, state.last, point), point, observed_at)


def _first_taken(state: EtaState, point: LogPoint, observed_at: float) -> EtaState:
    if _ends_unlogged_evaluation(state, point):
        return _ended(state, replace(state.bar or point, kind="predict"), point)
    return _taken(_first_line(state, point), point, observed_at)


def _ends_unlogged_evaluation(state: EtaState, point: LogPoint) -> bool:
    """The only line of a run that evaluated fewer batches than there are between two lines, and did not train."""
    return state.plan.evaluation is None and point.kind == "eval" and point.current_steps == 0


def _ended(state: EtaState, last: LogPoint, point: LogPoint) -> EtaState:
    """All batches are done: LLaMA-Factory logs only each fifth of them, and then the results."""
    total = max(last.total_steps, 1)
    elapsed = max(last.elapsed_seconds, point.elapsed_seconds)
    whole = replace(last, current_steps=total, total_steps=total, elapsed_seconds=elapsed)
    return replace(state, last=whole, finished=True, bar=None)


def _first_line(state: EtaState, point: LogPoint) -> EtaState:
    if state.bar is not None and state.bar.total_steps == point.total_steps:
        return _gone_on(state, state.bar, point)
    return _begin(state, point)


def _gone_on(state: EtaState, last: LogPoint, point: LogPoint) -> EtaState:
    """What a line says beyond the bar, which may be ahead of it; a bar that it has reached is forgotten."""
    if state.bar is None:
        return _learn(state, last, point)
    if state.bar.current_steps > point.current_steps:
        return state
    elapsed = max(point.elapsed_seconds, state.bar.elapsed_seconds)  # the clocks of both are a second or two apart
    return replace(_learn(state, state.bar, replace(point, elapsed_seconds=elapsed)), bar=None)


def _taken(state: EtaState, point: LogPoint, observed_at: float) -> EtaState:
    began_at = _began(state, point, observed_at)
    other = _remembered(state.other, point)
    return replace(state, last=point, other=other, finished=_is_end(state, point), began_at=began_at)


def _remembered(other: OtherProcess | None, point: LogPoint) -> OtherProcess | None:
    """A process that has been overtaken by the resumed one will not go on."""
    if other is None or (not other.writes_on and point.current_steps > other.last.current_steps):
        return None
    return replace(other, strays=0)


def _strayed(other: OtherProcess | None) -> OtherProcess | None:
    return replace(other, strays=other.strays + 1) if other else None


def _left(state: EtaState, last: LogPoint) -> EtaState:
    """The state before another process begins: this one's time counts, its pace is the first guess of the next."""
    return replace(
        state,
        other=OtherProcess(last, state.elapsed_before),
        elapsed_before=state.elapsed_before + last.elapsed_seconds,
        earlier=_earlier(state, last),
    )


def _earlier(state: EtaState, last: LogPoint) -> Stretch | None:
    """The pace that the next process will have too, unless it predicts: the answers to other data are others."""
    if last.kind == "predict":
        return None
    pace = measure(state.stretches)
    return Stretch(1, pace.seconds_per_step, 0) if pace else state.earlier


def _go_back_to(state: EtaState, point: LogPoint, observed_at: float) -> EtaState:
    """The process that was left goes on: two write this log, and the one that is further is followed."""
    if state.other is None or state.last is None:
        return state
    before = state.other.elapsed_before
    if point.current_steps < state.last.current_steps:
        return replace(state, elapsed_before=before, other=OtherProcess(point, before, writes_on=True))
    back = replace(
        state,
        elapsed_before=before,
        other=OtherProcess(state.last, before, writes_on=True),
        began_at=None,
        opening=None,
        stretches=(),
        last_evaluation_step=None,
        bar=None,
    )
    return _taken(_learn(back, state.other.last, point), point, observed_at)


def _begin(state: EtaState, point: LogPoint) -> EtaState:
    """A process's first line. What was learned of evaluations and saves still holds; the pace is learned anew."""
    begun = replace(state, opening=None, stretches=(), began_at=None, last_evaluation_step=None, bar=None)
    if point.kind == "predict":
        return _begin_to_predict(begun, point.current_steps - 1, point)
    steps = point.current_steps - _started_after(state.plan, point)
    if steps <= 0 or not point.has_clock:
        return begun
    tokens = (point.total_tokens or 0) * steps // point.current_steps  # those before a resume count in the total
    return replace(begun, opening=Stretch(steps, float(point.elapsed_seconds), tokens))


def _begin_to_predict(state: EtaState, steps: int, point: LogPoint) -> EtaState:
    """LLaMA-Factory starts the clock of a prediction after the first step, which had the warm-up in it."""
    if steps <= 0:
        return state
    return replace(state, stretches=(Stretch(steps, float(point.elapsed_seconds), 0),))


def _started_after(plan: TrainingPlan, point: LogPoint) -> int:
    """The step from which a process went on: 0, or the newest checkpoint before its first line."""
    every = plan.steps_between_lines(point.total_steps)
    if point.current_steps <= every:
        return 0
    period = plan.saving.period_steps(point.total_steps, point.steps_per_epoch) if plan.saving else None
    logged = point.current_steps - every
    saved = math.floor((point.current_steps - 1) / period) * period if period else logged
    return round(max(saved, logged))


def _learn(state: EtaState, last: LogPoint, point: LogPoint) -> EtaState:
    """What the interval between two lines of one process says: plain steps, an evaluation, or a save."""
    steps, seconds = point.current_steps - last.current_steps, float(point.elapsed_seconds - last.elapsed_seconds)
    saves = (
        0
        if state.plan.saves_in_each_interval(point.total_steps, point.steps_per_epoch)
        else _saves(state.plan, last.current_steps, point)
    )
    if _is_evaluation(state, point):
        return _learn_evaluation(state, point, seconds, steps)
    if _follows_untimed_evaluation(state, last):
        return _learn_untimed_evaluation(state, seconds, steps)
    if saves or point.kind == "final":
        return _learn_save(state, seconds, steps, max(saves, 1))
    if not steps:
        return state
    tokens = (point.total_tokens or 0) - (last.total_tokens or 0)
    return replace(state, stretches=extend(state.stretches, Stretch(steps, seconds, max(0, tokens))))


def _saves(plan: TrainingPlan, after_lines_of: int, point: LogPoint) -> int:
    """Saves between two lines: one at a step comes after that step's lines."""
    if plan.saving is None:
        return 0
    return plan.saving.count(after_lines_of, point.current_steps - 1, point.total_steps, point.steps_per_epoch)


def _is_evaluation(state: EtaState, point: LogPoint) -> bool:
    """With several evaluation sets the line has no eval_loss and looks like the last one: the plan tells."""
    if point.kind == "eval":
        return True
    evaluation, step = state.plan.evaluation, point.current_steps
    is_due = evaluation is not None and evaluation.count(step, step, point.total_steps, point.steps_per_epoch) > 0
    return point.kind == "final" and step < point.total_steps and is_due


def _learn_evaluation(state: EtaState, point: LogPoint, seconds: float, steps: int) -> EtaState:
    pace = present_pace(state)
    per_step = pace.seconds_per_step if pace else 0.0
    took = seconds - steps * per_step
    gap = point.current_steps - state.last_evaluation_step if state.last_evaluation_step is not None else None
    kept = (*state.evaluations, (took, per_step))[-_KEPT_EVALUATIONS:]
    return replace(
        state,
        evaluations=kept,
        last_evaluation_step=point.current_steps,
        evaluation_gap=gap or state.evaluation_gap,
    )


def _follows_untimed_evaluation(state: EtaState, last: LogPoint) -> bool:
    """Before 0.8 an evaluation's line has the clock of the step before it: its time shows in the interval after it."""
    return last.kind == "eval" and bool(state.evaluations) and state.evaluations[-1][0] == 0.0


def _learn_untimed_evaluation(state: EtaState, seconds: float, steps: int) -> EtaState:
    pace = measure(state.stretches)
    if pace is None:
        return state
    took = seconds - steps * pace.seconds_per_step
    return replace(state, evaluations=(*state.evaluations[:-1], (took, pace.seconds_per_step)))


def _learn_save(state: EtaState, seconds: float, steps: int, saves: int) -> EtaState:
    pace = measure(state.stretches)
    if pace is None and steps:
        return state
    excess = seconds - (steps * pace.seconds_per_step if pace else 0.0)
    return replace(state, saves=(*state.saves, excess / saves)[-_KEPT_SAVES:])


def _is_end(state: EtaState, point: LogPoint) -> bool:
    return point.kind == "final" and not _is_evaluation(state, point)


def _began(state: EtaState, point: LogPoint, observed_at: float) -> float:
    """A line is seen some time after it was written, and its clock counts whole seconds: the earliest is the truest."""
    latest = observed_at - point.elapsed_seconds
    return latest if state.began_at is None else min(latest, state.began_at)
