"""Learning of a run's pace, evaluations and saves from the lines of its log. Pure."""

import math
from collections.abc import Iterable
from dataclasses import replace

from tuning.llamafactory.config.schedule import TrainingPlan
from tuning.llamafactory.progress.eta_state import EtaState, present_pace
from tuning.llamafactory.progress.pace import Stretch, extend, measure
from tuning.llamafactory.progress.trainer_log import LogPoint

_KEPT_EVALUATIONS = 8
_KEPT_SAVES = 12


def advance(state: EtaState, points: Iterable[LogPoint], observed_at_seconds: float, plan: TrainingPlan) -> EtaState:
    """The state after a poll that brought these lines at this moment of our clock."""
    state = replace(state, plan=plan)
    for point in points:
        state = _take(state, point, observed_at_seconds)
    return state


def _take(state: EtaState, point: LogPoint, observed_at: float) -> EtaState:
    if state.last is None or _restarted(state.last, point):
        state = _begin(state, point)
    else:
        state = _learn(state, state.last, point)
    latest = tuple({**dict(state.latest), **point.values}.items())
    began_at = _began(state, point, observed_at)
    return replace(state, last=point, latest=latest, finished=_is_end(state, point), began_at=began_at)


def _restarted(last: LogPoint, point: LogPoint) -> bool:
    """A resumed process counts its time from 0 and repeats steps."""
    repeats = point.current_steps == last.current_steps and point.kind == "train"
    goes_back = point.current_steps < last.current_steps or point.elapsed_seconds < last.elapsed_seconds
    return goes_back or repeats or point.total_steps != last.total_steps


def _begin(state: EtaState, point: LogPoint) -> EtaState:
    """A process's first line. What was learned of evaluations and saves still holds; the pace is learned anew."""
    steps = point.current_steps - _started_after(state.plan, point)
    opening = Stretch(steps, float(point.elapsed_seconds), 0) if steps > 0 else None
    elapsed = state.elapsed_before + (state.last.elapsed_seconds if state.last else 0.0)
    return replace(
        state, opening=opening, stretches=(), began_at=None, last_evaluation_step=None, elapsed_before=elapsed
    )


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
    took = max(0.0, seconds - steps * per_step)
    gap = point.current_steps - state.last_evaluation_step if state.last_evaluation_step is not None else None
    kept = (*state.evaluations, (took, per_step))[-_KEPT_EVALUATIONS:]
    return replace(
        state,
        evaluations=kept,
        last_evaluation_step=point.current_steps,
        evaluation_gap=gap or state.evaluation_gap,
    )


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
