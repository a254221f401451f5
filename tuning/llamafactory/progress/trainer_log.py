"""trainer_log.jsonl: bytes in, points out (facts: LLaMA-Factory's LogCallback, train/callbacks.py of 0.9.5)."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

MAX_LINE_BYTES = 65_536
MAX_STEPS = 2**31 - 1
"""The databases count steps in 32 bits; twice what tuning.llamafactory.arguments.bounds lets anybody ask for."""
MAX_ELAPSED_SECONDS = 10 * 366 * 86_400
"""No process has run for ten years."""
_MAX_TOKENS = 2**53

PointKind = Literal["train", "eval", "predict", "final"]

_SERIES = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "predict_loss": "predict_loss",
    "reward": "reward",
    "accuracy": "accuracy",
    "lr": "learning_rate",
    "vram_allocated": "vram_allocated_gib",
    "vram_reserved": "vram_reserved_gib",
}
"""The file's keys -> our names. Its percentage, remaining_time and throughput are derived, and wrong after a resume."""

_OTHER_NAMES = {"learning_rate": "lr", "step": "current_steps"}
"""Of LLaMA-Factory before 0.8 (which also wrote null for what a line has not), and of its v1 engine."""

_DURATION = re.compile(r"(?:(\d{1,6}) days?, )?(\d{1,2}):([0-5]\d):([0-5]\d)(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class LogPoint:
    """One line."""

    current_steps: int
    total_steps: int
    kind: PointKind
    """train: a loss; eval: after an evaluation; final: the last line of a training; predict: no training at all."""
    epoch: float | None
    percentage: float
    """Of current_steps in total_steps, 0 to 100."""
    values: dict[str, float | None]
    """By series name; None where the file has NaN or Infinity."""
    elapsed_seconds: int
    """Since this process began to train: whole seconds, back at 0 after a resume."""
    total_tokens: int | None
    diverged: bool
    """A value is not finite, or the training loss is exactly 0.0 (what transformers logs in place of NaN)."""
    has_clock: bool = True
    """False for a line without elapsed_time (the v1 engine's): elapsed_seconds is 0 until a poll has timed it."""

    @property
    def steps_per_epoch(self) -> float | None:
        """None before the first step, and for what no log of a real run says."""
        steps = self.current_steps / self.epoch if self.epoch else 0.0
        return steps if 1 <= steps <= 1e12 else None


@dataclass(frozen=True)
class ParsedLog:
    """Points in a piece of the file, the bytes consumed, and the number of bad lines."""

    points: tuple[LogPoint, ...]
    consumed_bytes: int
    """Read on from here: an unfinished last line is left for the next time."""
    bad_lines: int


def parse_log(chunk: bytes) -> ParsedLog:
    """Every whole line of `chunk`; never raises. What is not a line of this log is skipped and counted.

    A line without an end that is longer than MAX_LINE_BYTES is given up, so that a reader never waits for ever.
    """
    end = chunk.rfind(b"\n") + 1
    lines = [line for line in chunk[:end].split(b"\n") if line.strip()]
    found = [_parse_line(line) for line in lines]
    points = tuple(point for point in found if point is not None)
    bad_lines = len(lines) - len(points)
    if len(chunk) - end > MAX_LINE_BYTES:
        return ParsedLog(points, len(chunk), bad_lines + 1)
    return ParsedLog(points, end, bad_lines)


def parse_duration(text: str) -> int | None:
    """Seconds of Python's `str(timedelta)`: "0:09:01", "1 day, 2:03:04"; None for anything else."""
    if not (match := _DURATION.fullmatch(text)):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds


def _parse_line(line: bytes) -> LogPoint | None:
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        raw = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return _point(raw) if isinstance(raw, dict) else None


def _point(raw: dict[str, Any]) -> LogPoint | None:
    raw = _named_as_now(raw)
    current, total = _count(raw.get("current_steps"), MAX_STEPS), _count(raw.get("total_steps"), MAX_STEPS)
    elapsed_seconds = _elapsed(raw)
    given = {ours: raw[theirs] for theirs, ours in _SERIES.items() if theirs in raw}
    if current is None or total is None or elapsed_seconds is None or not all(map(_is_number, given.values())):
        return None
    values = {name: _finite(value) for name, value in given.items()}
    return LogPoint(
        current_steps=current,
        total_steps=total,
        kind=_kind(raw),
        epoch=_finite(raw.get("epoch")),
        percentage=round(min(100.0, 100 * current / total), 2) if total else 100.0,
        values=values,
        elapsed_seconds=elapsed_seconds,
        total_tokens=_count(raw.get("total_tokens"), _MAX_TOKENS),
        diverged=None in values.values() or values.get("loss") == 0.0,
        has_clock="elapsed_time" in raw,
    )


def _named_as_now(raw: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in raw.items() if value is not None}
    old = {now: said[name] for name, now in _OTHER_NAMES.items() if name in said}
    return {**old, **said}


def _elapsed(raw: dict[str, Any]) -> int | None:
    """Seconds of the process; 0 for a line of the v1 engine, which tells none but has a loss; None for no time."""
    elapsed = raw.get("elapsed_time")
    if elapsed is None:
        return 0 if "loss" in raw else None
    seconds = parse_duration(elapsed) if isinstance(elapsed, str) else None
    return seconds if seconds is not None and seconds <= MAX_ELAPSED_SECONDS else None


def _kind(raw: dict[str, Any]) -> PointKind:
    if "loss" in raw:
        return "train"
    if "eval_loss" in raw:
        return "eval"
    return "final" if "epoch" in raw else "predict"


def _count(value: Any, most: int) -> int | None:
    return value if _is_number(value) and isinstance(value, int) and 0 <= value <= most else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Any) -> float | None:
    if not _is_number(value) or (isinstance(value, int) and abs(value) >= _MAX_TOKENS):
        return None
    return float(value) if math.isfinite(value) else None
