"""Progress and ETA of a run.

The log's own `remaining_time` is the average of the whole process: wrong after a resume, slow to forget a warm-up, and
without what comes after the last step. Here the time of plain steps, of evaluations and of saves is learned apart from
the log's `elapsed_time`, and what is still to come is counted from the plan. Our own clock says how long ago the last
line was written. Pure: times come in, a new state goes out; the state is small and can be stored as JSON.
"""

import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.pace import Pace, Stretch, extend, measure
from tuning.llamafactory.progress.trainer_log import MAX_STEPS, LogPoint
from tuning.moments import LONGEST_SECONDS, span

STATE_VERSION = 1

_KEPT_EVALUATIONS = 8
_KEPT_SAVES = 12
_CLOSING_SECONDS = 5.0
"""Writing results and plots, and the end of the process and its container."""


@dataclass(frozen=True)
class Progress:
    """Progress and ETA of a run now; None is unknown. ETAs in seconds from `now`."""

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


@dataclass(frozen=True)
class EtaState:
    """State of an attempt's ETA: the plan, the newest values and the measured times."""

    plan: TrainingPlan = field(default_factory=TrainingPlan)
    last: LogPoint | None = None
    finished: bool = False
    """The last line of a training was seen."""
    elapsed_before: float = 0.0
    """Seconds of the processes that ran before this one."""
    latest: tuple[tuple[str, float | None], ...] = ()
    """The newest value of every series."""
    began_at: float | None = None
    """On our clock, the moment at which the log's elapsed_time was 0: the earliest that the polls allow."""
    opening: Stretch | None = None
    """From the start of the process to its first line: with compilation and data loading in it."""
    stretches: tuple[Stretch, ...] = ()
    evaluations: tuple[tuple[float, float], ...] = ()
    """(seconds, seconds per step at that time) of the newest evaluations."""
    last_evaluation_step: int | None = None
    evaluation_gap: int | None = None
    saves: tuple[float, ...] = ()
    """Seconds that the newest intervals with a save took beyond their steps."""


def advance(state: EtaState, points: Iterable[LogPoint], observed_at_seconds: float, plan: TrainingPlan) -> EtaState:
    """The state after a poll that brought these lines at this moment of our clock."""
    state = replace(state, plan=plan)
    for point in points:
        state = _take(state, point, observed_at_seconds)
    return state


def estimate(state: EtaState, now_seconds: float) -> Progress:
    """Progress and ETA of the run at `now_seconds` of the same clock."""
    last = state.last
    if last is None:
        return Progress()
    latest = dict(state.latest)
    total = max(last.total_steps, 1)
    pace = _pace(state)
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


def to_json(state: EtaState) -> dict[str, Any]:
    """The state as a dict of plain values, with its version."""
    return {
        "version": STATE_VERSION,
        **vars(state),
        "plan": asdict(state.plan),
        "last": dict(vars(state.last)) if state.last else None,
        "opening": _stretch_to_json(state.opening) if state.opening else None,
        "stretches": [_stretch_to_json(stretch) for stretch in state.stretches],
    }


def from_json(stored: dict[str, Any] | None) -> EtaState:
    """The state that was stored; a fresh one where none was, or one of another version (it is learned again).

    Likewise for one with numbers that no run has: an older version took them in.
    """
    if (
        not stored
        or stored.get("version") != STATE_VERSION
        or not all(abs(number) < math.inf for number in _numbers(stored))
    ):
        return EtaState()
    fields = {name: value for name, value in stored.items() if name != "version"}
    fields["plan"] = _plan_from_json(fields["plan"])
    fields["last"] = LogPoint(**fields["last"]) if fields["last"] else None
    fields["opening"] = Stretch(*fields["opening"]) if fields["opening"] else None
    fields["stretches"] = tuple(Stretch(*stretch) for stretch in fields["stretches"])
    fields["latest"] = tuple((name, value) for name, value in fields["latest"])
    fields["evaluations"] = tuple((seconds, pace) for seconds, pace in fields["evaluations"])
    fields["saves"] = tuple(fields["saves"])
    state = EtaState(**fields)
    return state if state.last is None or _is_countable(state.last) else EtaState()


def _numbers(value: Any) -> Iterator[float]:
    """All numbers inside a plain value."""
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)


def _is_countable(point: LogPoint) -> bool:
    return max(point.current_steps, point.total_steps) <= MAX_STEPS and span(point.elapsed_seconds) is not None


def _stretch_to_json(stretch: Stretch) -> list[float]:
    return [stretch.steps, stretch.seconds, stretch.tokens]


def _plan_from_json(stored: dict[str, Any]) -> TrainingPlan:
    cadences = {name: Cadence(**stored[name]) if stored[name] else None for name in ("evaluation", "saving")}
    return TrainingPlan(**{**stored, **cadences})


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
    period = plan.saving.period_steps(point.total_steps, _steps_per_epoch(point)) if plan.saving else None
    logged = point.current_steps - every
    saved = math.floor((point.current_steps - 1) / period) * period if period else logged
    return round(max(saved, logged))


def _learn(state: EtaState, last: LogPoint, point: LogPoint) -> EtaState:
    """What the interval between two lines of one process says: plain steps, an evaluation, or a save."""
    steps, seconds = point.current_steps - last.current_steps, float(point.elapsed_seconds - last.elapsed_seconds)
    saves = 0 if _saves_always(state.plan, point) else _saves(state.plan, last.current_steps, point)
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
    return plan.saving.count(after_lines_of, point.current_steps - 1, point.total_steps, _steps_per_epoch(point))


def _saves_always(plan: TrainingPlan, point: LogPoint) -> bool:
    """Whether every interval holds a save: then there is no telling apart, and a step's time includes it."""
    period = plan.saving.period_steps(point.total_steps, _steps_per_epoch(point)) if plan.saving else None
    return period is not None and period <= plan.steps_between_lines(point.total_steps)


def _is_evaluation(state: EtaState, point: LogPoint) -> bool:
    """With several evaluation sets the line has no eval_loss and looks like the last one: the plan tells."""
    if point.kind == "eval":
        return True
    evaluation, step = state.plan.evaluation, point.current_steps
    is_due = evaluation is not None and evaluation.count(step, step, point.total_steps, _steps_per_epoch(point)) > 0
    return point.kind == "final" and step < point.total_steps and is_due


def _learn_evaluation(state: EtaState, point: LogPoint, seconds: float, steps: int) -> EtaState:
    pace = _pace(state)
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


def _pace(state: EtaState) -> Pace | None:
    """The measured pace, or, before there is one, the opening's: too slow rather than too fast, and unsure."""
    if (pace := measure(state.stretches)) is not None:
        return pace
    if state.opening is None:
        return None
    seconds = max(state.opening.seconds, 0.5) / state.opening.steps
    return Pace(seconds, 0.5 * seconds, None, 0)


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
    if span(eta) is None:
        return progress  # of what takes a hundred years nobody knows the end
    return replace(
        progress,
        eta_seconds=eta,
        eta_low_seconds=max(0.0, eta - 1.3 * deviation),
        eta_high_seconds=min(eta + 1.6 * deviation + late, LONGEST_SECONDS),
    )


def _with_first_evaluation(state: EtaState, pace: Pace, age: float) -> EtaState:
    """All evaluations take at least as long as the first one has been silent; its length was only guessed."""
    if state.evaluations or state.last is None or not _evaluations(state, state.last, state.last.current_steps):
        return state
    worth = max(_expected_evaluation_steps(state), age / pace.seconds_per_step)
    return replace(state, plan=replace(state.plan, eval_steps_worth=worth))


def _parts(state: EtaState, pace: Pace) -> list[_Part]:
    closing = _Part(_CLOSING_SECONDS, 3.0)
    save, evaluation = _save(state, pace), _evaluation(state, pace)
    after = [closing, save, _times(evaluation, 1 if state.plan.evaluates_at_end else 0)]
    if state.finished or state.last is None:
        return after
    left = max(0, state.last.total_steps - state.last.current_steps)
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
    mean = sum(kept) / len(kept)
    return _Part(mean, 0.5 / len(kept) + mean * (0.05 + 0.2 / len(state.evaluations)))


def _alike(then: float, now: float) -> bool:
    return 0.85 < then / now < 1.18


def _expected_evaluation_steps(state: EtaState) -> float:
    if state.plan.eval_steps_worth is not None:
        return state.plan.eval_steps_worth
    per_epoch = _steps_per_epoch(state.last) if state.last else None
    return (state.plan.eval_epoch_share or 0.0) * (per_epoch or 0.0)


def _save(state: EtaState, pace: Pace) -> _Part:
    if not state.saves:
        guess = max(2.0, min(2 * pace.seconds_per_step, 20.0))
        return _Part(guess, guess)
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
    return evaluation.count(last.current_steps + done, until_step, last.total_steps, _steps_per_epoch(last))


def _saves_after_lines(state: EtaState, last: LogPoint, until_step: int) -> int:
    """Saves to come, from the newest line's step to this one; none where each interval holds one."""
    if state.plan.saving is None or _saves_always(state.plan, last):
        return 0
    return state.plan.saving.count(last.current_steps, until_step, last.total_steps, _steps_per_epoch(last))


def _until_next_line(state: EtaState, pace: Pace) -> float:
    """The expected time from the last line to the next: an evaluation's own, or that of a step after a save."""
    last = state.last
    if last is None:
        return math.inf
    if _evaluations(state, last, last.current_steps):
        return _evaluation(state, pace).seconds
    steps = min(state.plan.steps_between_lines(last.total_steps), max(0, last.total_steps - last.current_steps))
    saving_seconds = _saves_after_lines(state, last, last.current_steps) * _save(state, pace).seconds
    return steps * pace.seconds_per_step + saving_seconds


def _steps_per_epoch(point: LogPoint) -> float | None:
    """None before the first step, and for what no log of a real run says."""
    steps = point.current_steps / point.epoch if point.epoch else 0.0
    return steps if 1 <= steps <= 1e12 else None
