"""Limits of a run's silence: until its estimate is made anew, and until something is wrong with it. Pure."""

from tuning.llamafactory.progress.eta_state import EtaState, with_bar
from tuning.llamafactory.progress.pace import measure

FIRST_LINE_SECONDS = 3600.0
"""Loading a large model, tokenizing its data and compiling come before the first line."""
LEAST_SECONDS = 300.0
_UNSEEN_EVALUATION_SECONDS = 1800.0
_TIMES_USUAL = 10.0
_TIMES_LONGEST = 3.0
_LEAST_ESTIMATE_SECONDS = 15.0
_ESTIMATE_SHARE = 0.01


def patience_seconds(state: EtaState) -> float | None:
    """From the newest line on: ten times what usually lies between two, and thrice the longest evaluation and save.

    None once the training is done: what comes then (the last evaluation, results, plots) leaves no lines.
    """
    if state.finished:
        return None
    state = with_bar(state)
    if state.last is None:
        return FIRST_LINE_SECONDS
    pace = measure(state.stretches)
    if pace is None and state.opening is None:
        return FIRST_LINE_SECONDS
    step = pace.seconds_per_step if pace else state.opening.pace if state.opening else 0.0
    usual = step * state.plan.steps_between_lines(state.last.total_steps)
    longest = _TIMES_LONGEST * (_longest_evaluation(state) + max(state.saves, default=0.0))
    return max(LEAST_SECONDS, _TIMES_USUAL * usual + longest)


def estimate_stands_seconds(eta_seconds: float) -> float:
    """Time for which an estimate stands while nothing is logged: a hundredth of itself, but 15 s at least."""
    return max(_LEAST_ESTIMATE_SECONDS, _ESTIMATE_SHARE * eta_seconds)


def _longest_evaluation(state: EtaState) -> float:
    if state.evaluations:
        return max(seconds for seconds, _ in state.evaluations)
    return _UNSEEN_EVALUATION_SECONDS / _TIMES_LONGEST if state.plan.evaluation else 0.0
