"""State of a run's ETA: what its log has taught, small, and stored as JSON between polls."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.pace import Pace, Stretch, measure
from tuning.llamafactory.progress.trainer_log import MAX_STEPS, LogPoint
from tuning.moments import span

STATE_VERSION = 1


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


def present_pace(state: EtaState) -> Pace | None:
    """The measured pace, or, before there is one, the opening's: too slow rather than too fast, and unsure."""
    if (pace := measure(state.stretches)) is not None:
        return pace
    if state.opening is None:
        return None
    seconds = max(state.opening.seconds, 0.5) / state.opening.steps
    return Pace(seconds, 0.5 * seconds, None, 0)
