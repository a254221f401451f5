"""State of a run's ETA: what its log has taught, small, and stored as JSON between polls."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.pace import Pace, Stretch, measure
from tuning.llamafactory.progress.processes import OtherProcess
from tuning.llamafactory.progress.trainer_log import MAX_STEPS, LogPoint
from tuning.moments import span

STATE_VERSION = 1
_LEAST_OF_A_PLAIN_OPENING = 0.75
"""A faster one may be that of a resumed process, whose steps were done before."""
_MOST_OF_A_PLAIN_OPENING = 1.15
_EARLIER_COUNTS_AS = 2
"""Stretches: a resumed process runs on much the same."""
_LEAST_ALIKE = 0.6
"""Beyond this the pace of the process before says nothing: the node is another."""


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
    earlier: Stretch | None = None
    """The pace of the process before this one."""
    other: OtherProcess | None = None
    bar: LogPoint | None = None
    """What the console's bar has shown since the last line."""


def with_bar(state: EtaState) -> EtaState:
    """The state as if the console's bar had been a line of the log."""
    return replace(state, last=state.bar, bar=None) if state.bar else state


def to_json(state: EtaState) -> dict[str, Any]:
    """The state as a dict of plain values, with its version."""
    return {
        "version": STATE_VERSION,
        **vars(state),
        "plan": _plan_to_json(state.plan),
        "last": dict(vars(state.last)) if state.last else None,
        "opening": _stretch_to_json(state.opening) if state.opening else None,
        "earlier": _stretch_to_json(state.earlier) if state.earlier else None,
        "other": asdict(state.other) if state.other else None,
        "bar": dict(vars(state.bar)) if state.bar else None,
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
    for name in ("last", "bar"):
        fields[name] = LogPoint(**fields[name]) if fields.get(name) else None
    for name in ("opening", "earlier"):
        fields[name] = Stretch(*fields[name]) if fields.get(name) else None
    fields["other"] = _other_from_json(fields.get("other"))
    fields["stretches"] = tuple(Stretch(*stretch) for stretch in fields["stretches"])
    fields["latest"] = tuple((name, value) for name, value in fields["latest"])
    fields["evaluations"] = tuple((seconds, pace) for seconds, pace in fields["evaluations"])
    fields["saves"] = tuple(fields["saves"])
    state = EtaState(**fields)
    points = [point for point in (state.last, state.bar, state.other.last if state.other else None) if point]
    return state if all(map(_is_countable, points)) else EtaState()


def _plan_to_json(plan: TrainingPlan) -> dict[str, Any]:
    """By hand, not by asdict, which copies each number: it is done for each job with a new line, in each cycle."""
    cadences = {"evaluation": plan.evaluation, "saving": plan.saving}
    return {**vars(plan), **{name: dict(vars(cadence)) if cadence else None for name, cadence in cadences.items()}}


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


def _other_from_json(stored: dict[str, Any] | None) -> OtherProcess | None:
    return OtherProcess(**{**stored, "last": LogPoint(**stored["last"])}) if stored else None


def _plan_from_json(stored: dict[str, Any]) -> TrainingPlan:
    cadences = {name: Cadence(**stored[name]) if stored[name] else None for name in ("evaluation", "saving")}
    return TrainingPlan(**{**stored, **cadences})


def present_pace(state: EtaState) -> Pace | None:
    """The measured pace; before there is one, that of the process before, or else the opening's, both less sure."""
    measured = measure(_plain_stretches(state))
    if not state.stretches or measured is None:
        return _first_pace(state)
    if state.earlier is None or not _LEAST_ALIKE < state.earlier.pace / measured.seconds_per_step < 1 / _LEAST_ALIKE:
        return measured
    shares = (measured.stretches * measured.seconds_per_step, _EARLIER_COUNTS_AS * state.earlier.pace)
    return replace(measured, seconds_per_step=sum(shares) / (measured.stretches + _EARLIER_COUNTS_AS))


def _plain_stretches(state: EtaState) -> tuple[Stretch, ...]:
    """With the opening where that is no slower than what came after it: it was plain training as well."""
    opening, later = state.opening, state.stretches
    if opening is None or not later:
        return later
    pace = sum(stretch.seconds for stretch in later) / sum(stretch.steps for stretch in later)
    is_plain = _LEAST_OF_A_PLAIN_OPENING * pace <= opening.pace <= _MOST_OF_A_PLAIN_OPENING * pace
    return (opening, *later) if is_plain else later


def _first_pace(state: EtaState) -> Pace | None:
    opening, earlier = state.opening, state.earlier
    seconds = max(opening.seconds, 0.5) / opening.steps if opening else math.inf
    if earlier and seconds > 0.9 * earlier.pace:
        return Pace(earlier.pace, 0.3 * earlier.pace, None, 0)
    return Pace(seconds, 0.5 * seconds, None, 0) if opening else None
