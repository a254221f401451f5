"""Checkpoints as a sign of progress of a run that logs seldom: the next one to look for, and what it says. Pure."""

import math

from tuning.llamafactory.progress.console_bar import ConsoleBar
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import follow_bar


def next_checkpoint(state: EtaState) -> int | None:
    """The step of the next checkpoint; None where the log says as much, or nothing says which steps are saved."""
    newest, saving = state.bar or state.last, state.plan.saving
    if newest is None or state.finished or newest.kind == "predict" or saving is None or saving.unit != "steps":
        return None
    period = saving.period_steps(newest.total_steps, None)
    if period is None or period >= state.plan.steps_between_lines(newest.total_steps):
        return None
    step = math.floor(newest.current_steps / period + 1) * period
    return round(step) if step < newest.total_steps else None


def with_checkpoint(state: EtaState, step: int, written_at_seconds: float) -> EtaState:
    """The state after this checkpoint was written, by our clock: the same where the log or the bar says more.

    One that is older than the newest line is of an earlier process.
    """
    newest = state.bar or state.last
    if newest is None or state.began_at is None:
        return state
    bar = ConsoleBar(step, newest.total_steps, round(written_at_seconds - state.began_at))
    return follow_bar(state, [bar], written_at_seconds)
