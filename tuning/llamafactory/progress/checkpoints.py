"""Checkpoints that a run should have saved by now, and those that tell of progress of a run that logs seldom. Pure."""

import math

from tuning.llamafactory.config.schedule import Cadence
from tuning.llamafactory.progress.console_bar import ConsoleBar
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.llamafactory.progress.learning import follow_bar
from tuning.llamafactory.progress.trainer_log import LogPoint


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


def due_checkpoints(state: EtaState) -> tuple[int, ...]:
    """Steps of the checkpoints that may be there at any moment: the newest that should have been saved, and the next.

    Empty where the plan does not tell the steps.
    """
    newest, saving = state.bar or state.last, state.plan.saving
    if newest is None or newest.kind == "predict" or saving is None:
        return ()
    period = _whole_period(newest, saving)
    if period is None:
        return ()
    total, done = newest.total_steps, newest.current_steps // period * period
    after = min(done + period, total) if saving.at_end else done + period
    return tuple(step for step in dict.fromkeys((done, after)) if 1 <= step <= total)


def _whole_period(newest: LogPoint, saving: Cadence) -> int | None:
    """Steps between two checkpoints. Epochs are taken to be as long as whole ones of the run: the log rounds theirs."""
    period = saving.period_steps(newest.total_steps, newest.steps_per_epoch)
    if period is None or newest.total_steps < 1:
        return None
    if saving.unit == "epochs":
        period = newest.total_steps / max(1, round(newest.total_steps / period))
    return int(period) if period == int(period) else None
