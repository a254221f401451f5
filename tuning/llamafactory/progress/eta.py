"""Progress and ETA of a run.

The log's own `remaining_time` is the average of the whole process: wrong after a resume, slow to forget a warm-up, and
without what comes after the last step. Here the time of plain steps, of evaluations and of saves is learned apart from
the log's `elapsed_time`, and what is still to come is counted from the plan. Our own clock says how long ago the last
line was written. Pure: times come in, a new state goes out; the state is small and can be stored as JSON.
"""

import math
import statistics
from dataclasses import dataclass, replace

from tuning.llamafactory.config.schedule import Cadence
from tuning.llamafactory.progress.eta_state import EtaState, present_pace, with_bar
from tuning.llamafactory.progress.pace import Pace
from tuning.llamafactory.progress.trainer_log import LogPoint
from tuning.moments import LONGEST_SECONDS, span

_CLOSING_SECONDS = 0.5
"""From the log's last line on: results, plots, the end of the process. No log tells of it; on the lab it was 2 to 3 s,
and guessing so much made all estimates of two-minute runs there worse, as it did with real logs."""

_REACH = (0.9, 1.5)
"""Standard deviations below and above: a training slows down later more often than it gets faster."""
_REACH_OF_PREDICTIONS = (1.0, 1.0)


@dataclass(frozen=True)
class Progress:
    """Progress and ETA of a run now; None is unknown. ETAs in seconds from `now`.

    Between the low and the high one the true end lies in about eight of ten estimates, of real runs.
    """

    current_steps: int | None = None
    total_steps: int | None = None
    percentage: float | None = None
    epoch: float | None = None
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    tokens_per_second: float | None = None
    elapsed_seconds: float | None = None
    eta_seconds: float | None = None
    eta_low_seconds: float | None = None
    eta_high_seconds: float | None = None


def estimate(state: EtaState, now_seconds: float) -> Progress:
    """Progress and ETA of the run at `now_seconds` of the same clock."""
    state = with_bar(state)
    last = state.last
    if last is None:
        return Progress()
    latest = dict(state.latest)
    total = max(last.total_steps, 1)
    pace = present_pace(state)
    age = _age(state, now_seconds)
    progress = Progress(
        current_steps=min(last.current_steps, total),
        total_steps=total,
        percentage=round(min(100.0, 100 * last.current_steps / total), 2),
        epoch=last.epoch,
        loss=latest.get("loss"),
        eval_loss=latest.get("eval_loss"),
        learning_rate=latest.get("learning_rate"),
        tokens_per_second=pace.tokens_per_second if pace else None,
        elapsed_seconds=span(state.elapsed_before + last.elapsed_seconds + age),
    )
    return _with_eta(progress, state, pace, age) if pace else progress


def _age(state: EtaState, now: float) -> float:
    """Seconds since the last line was written."""
    if state.last is None or state.began_at is None:
        return 0.0
    return max(0.0, now - state.began_at - state.last.elapsed_seconds)


@dataclass(frozen=True)
class _Part:
    """A share of the time to come, and the standard deviation of the guess."""

    seconds: float = 0.0
    deviation: float = 0.0


def _with_eta(progress: Progress, state: EtaState, pace: Pace, age: float) -> Progress:
    state = _with_first_evaluation(state, pace, age)
    parts = _parts(state, pace)
    expected = sum(part.seconds for part in parts)
    # A line that is late does not bring the end nearer: what comes after the next line is the least that remains.
    least = _CLOSING_SECONDS if state.finished else max(0.0, expected - _until_next_line(state, pace))
    eta = max(expected - age, least)
    late = max(0.0, age - (expected - least))  # which may take as long again
    deviation = math.hypot(*(part.deviation for part in parts), 1.0)
    below, above = _REACH_OF_PREDICTIONS if state.last and state.last.kind == "predict" else _REACH
    if span(eta) is None:
        return progress  # of what takes a hundred years nobody knows the end
    return replace(
        progress,
        eta_seconds=eta,
        eta_low_seconds=max(0.0, eta - below * deviation - _unlogged_seconds(state, pace)),
        eta_high_seconds=min(eta + above * deviation + late, LONGEST_SECONDS),
    )


def _unlogged_seconds(state: EtaState, pace: Pace) -> float:
    """Of the steps after a prediction's last line: nobody sees them, and the last batch may be a short one."""
    last = state.last
    if last is None or last.kind != "predict" or state.finished:
        return 0.0
    return last.total_steps % state.plan.steps_between_lines(last.total_steps) * pace.seconds_per_step


def _with_first_evaluation(state: EtaState, pace: Pace, age: float) -> EtaState:
    """All evaluations take at least as long as the first one has been silent; its length was only guessed."""
    if state.evaluations or state.last is None or not _evaluations(state, state.last, state.last.current_steps):
        return state
    worth = max(_expected_evaluation_steps(state), age / pace.seconds_per_step)
    return replace(state, plan=replace(state.plan, eval_steps_worth=worth))


def _parts(state: EtaState, pace: Pace) -> list[_Part]:
    closing = _Part(_CLOSING_SECONDS, 1.0)
    left = max(0, state.last.total_steps - state.last.current_steps) if state.last else 0
    if state.last and state.last.kind == "predict":
        return [closing] if state.finished else [_Part(*pace.ahead(left)), closing]
    save, evaluation = _save(state), _evaluation(state, pace)
    after = [closing, save, _times(evaluation, 1 if state.plan.evaluates_at_end else 0)]
    if state.finished or state.last is None:
        return after
    evaluations = _evaluations(state, state.last, state.last.total_steps)
    saves = _saves_after_lines(state, state.last, state.last.total_steps)
    return [_Part(*pace.ahead(left)), _times(evaluation, evaluations), _times(save, saves), *after]


def _times(part: _Part, count: int) -> _Part:
    return _Part(count * part.seconds, count * part.deviation)


def _evaluation(state: EtaState, pace: Pace) -> _Part:
    """One evaluation: as the newest took, grown as steps have grown since; before any, guessed from its samples."""
    if not state.evaluations:
        guess = _expected_evaluation_steps(state) * pace.seconds_per_step
        return _Part(guess, 0.6 * guess)
    took = [seconds for seconds, then in state.evaluations if _alike(then, pace.seconds_per_step)]
    if not took:  # none since the pace changed: whatever slows steps slows evaluations, if not always by as much
        now = pace.seconds_per_step
        took = [seconds * math.sqrt(now / (then or now)) for seconds, then in state.evaluations]
    kept = took[1:] if len(took) > 1 else took  # the first has its own warm-up
    mean = max(0.0, sum(kept) / len(kept))
    return _Part(mean, 0.5 / len(kept) + mean * (0.05 + 0.2 / len(state.evaluations)))


def _alike(then: float, now: float) -> bool:
    return 0.85 < then / now < 1.18


def _expected_evaluation_steps(state: EtaState) -> float:
    if state.plan.eval_steps_worth is not None:
        return state.plan.eval_steps_worth
    per_epoch = state.last.steps_per_epoch if state.last else None
    return (state.plan.eval_epoch_share or 0.0) * (per_epoch or 0.0)


def _save(state: EtaState) -> _Part:
    """One save: as the newest took; before any, guessed from its size."""
    if not state.saves:
        guess = state.plan.save_seconds
        return _Part(guess, 1.0 + 0.5 * guess)
    mean = max(0.0, statistics.median(state.saves))  # a hiccup beside a save is not the save's
    return _Part(mean, 0.5 + 0.3 * mean / math.sqrt(len(state.saves)))


def _evaluations(state: EtaState, last: LogPoint, until_step: int) -> int:
    """Evaluations to come, from the newest line's step to this one."""
    evaluation = state.plan.evaluation
    if evaluation is None and state.evaluation_gap:
        evaluation = Cadence(state.evaluation_gap, "steps", at_end=True)
    if evaluation is None:
        return 0
    done = state.last_evaluation_step == last.current_steps
    return evaluation.count(last.current_steps + done, until_step, last.total_steps, last.steps_per_epoch)


def _saves_after_lines(state: EtaState, last: LogPoint, until_step: int) -> int:
    """Saves to come, from the newest line's step to this one; none where each interval holds one."""
    if state.plan.saving is None or state.plan.saves_in_each_interval(last.total_steps, last.steps_per_epoch):
        return 0
    return state.plan.saving.count(last.current_steps, until_step, last.total_steps, last.steps_per_epoch)


def _until_next_line(state: EtaState, pace: Pace) -> float:
    """The expected time from the last line to the next: an evaluation's own, or that of a step after a save."""
    last = state.last
    if last is None:
        return math.inf
    if _evaluations(state, last, last.current_steps):
        return _evaluation(state, pace).seconds
    steps = min(state.plan.steps_between_lines(last.total_steps), max(0, last.total_steps - last.current_steps))
    saving_seconds = _saves_after_lines(state, last, last.current_steps) * _save(state).seconds
    return steps * pace.seconds_per_step + saving_seconds
