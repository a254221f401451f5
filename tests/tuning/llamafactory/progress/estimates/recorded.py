"""The runs of tests/fixtures/traces, recorded on the lab cluster with what tqdm itself showed."""

import json
from pathlib import Path
from typing import Any

from tests.tuning.llamafactory.progress.estimates.traces import BarUpdate, Line, Trace
from tuning.llamafactory.config.schedule import plan_of
from tuning.llamafactory.progress.trainer_log import parse_duration, parse_log

FOLDER = Path(__file__).parents[4] / "fixtures" / "traces"
POLL_SECONDS = 2.0


def recorded_traces() -> list[Trace]:
    """All of them, by name."""
    return [_trace(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def _trace(stored: dict[str, Any]) -> Trace:
    lines = tuple(_line(at, text) for at, text in stored["lines"])
    first = _first_of_last_process(lines)
    began_at = lines[first].written_at_seconds - lines[first].point.elapsed_seconds - 1
    if first:
        began_at = max(began_at, (lines[first - 1].written_at_seconds + lines[first].written_at_seconds) / 2)
    return Trace(
        kind=f"{stored['kind']} (recorded)",
        plan=plan_of(stored["config"]),
        lines=lines,
        bar=tuple(BarUpdate(at, left) for at, left in stored["bar"]),
        began_at_seconds=began_at,
        first_step=lines[first].point.current_steps if first else 0,
        ends_at_seconds=stored["ended_at"],
        poll_seconds=POLL_SECONDS,
    )


def _line(at: float, text: str) -> Line:
    left = parse_duration(json.loads(text)["remaining_time"])
    if left is None:
        raise ValueError(text)
    return Line(at, parse_log(text.encode() + b"\n").points[0], left)


def _first_of_last_process(lines: tuple[Line, ...]) -> int:
    """Where elapsed_time last begins anew."""
    elapsed = [line.point.elapsed_seconds for line in lines]
    return max((place for place in range(1, len(lines)) if elapsed[place] < elapsed[place - 1]), default=0)
