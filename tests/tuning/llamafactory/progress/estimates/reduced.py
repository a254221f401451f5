"""Logs of real runs, reduced to figures: each process of at least a minute that came to its end, as a trace."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.tuning.llamafactory.progress.estimates.tqdm_bar import TqdmBar
from tests.tuning.llamafactory.progress.estimates.traces import BarUpdate, Line, Trace
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan, plan_of
from tuning.llamafactory.progress.trainer_log import LogPoint, PointKind

FOLDER = Path(__file__).parents[4] / "fixtures" / "reduced_logs"
_SHORTEST_SECONDS = 60
_FEWEST_LINES = 4
_SECONDS_BETWEEN_PROCESSES = 60.0
_POLL_SECONDS = 5.0
_SAVING = Cadence(500, "steps", at_end=True)
"""Transformers' default; the log does not tell another."""

Row = tuple[int, int, int, PointKind, int]
"""Elapsed seconds, current and total steps, kind, remaining seconds by the log."""
Held = Literal["last step", "last line"]
"""What the truth ends with: LLaMA-Factory logs every fifth step of a prediction, so that its last line may be early."""


@dataclass(frozen=True)
class _Process:
    rows: Sequence[Row]
    first_step: int
    began_at: float


def reduced_traces(folder: Path, held: Held = "last step") -> Iterator[Trace]:
    """Those of all files `*.json` of the folder, by name."""
    for path in sorted(folder.glob("*.json")):
        yield from _traces(json.loads(path.read_text(encoding="utf-8"))["points"], held)


def _traces(rows: Sequence[Row], held: Held) -> Iterator[Trace]:
    between, plan = _steps_between_lines(rows), _plan(rows)
    earlier: list[Line] = []
    for process in _processes(rows, between):
        lines = _lines(process)
        if _is_whole(process, between):
            yield _trace(process, plan, (*earlier, *lines), held)
        earlier += lines


def _is_prediction(rows: Sequence[Row]) -> bool:
    return sum(row[3] == "predict" for row in rows) > len(rows) / 2


def _steps_between_lines(rows: Sequence[Row]) -> int:
    gaps = Counter(later[1] - row[1] for row, later in itertools.pairwise(rows) if later[1] > row[1])
    return gaps.most_common(1)[0][0] if gaps else rows[0][1]


def _plan(rows: Sequence[Row]) -> TrainingPlan:
    if _is_prediction(rows):
        return plan_of({"do_predict": True})
    evaluated = list(dict.fromkeys(row[1] for row in rows if row[3] == "eval"))
    every = evaluated[1] - evaluated[0] if len(evaluated) > 1 else evaluated[0] if evaluated else 0
    evaluation = Cadence(every, "steps", at_end=True) if every > 0 else None
    return TrainingPlan(_steps_between_lines(rows), evaluation, _SAVING)


def _processes(rows: Sequence[Row], between: int) -> Iterator[_Process]:
    began_at, first = 0.0, 0
    for end in [*_beginnings(rows), len(rows)]:
        own, first = rows[first:end], end
        yield _Process(own, own[0][1] - between if own[0][1] > 2 * between else 0, began_at)
        began_at += own[-1][0] + _SECONDS_BETWEEN_PROCESSES


def _beginnings(rows: Sequence[Row]) -> Iterator[int]:
    for nth, (row, later) in enumerate(itertools.pairwise(rows), start=1):
        if later[0] < row[0] or later[1] < row[1] or later[2] != row[2]:
            yield nth


def _is_whole(process: _Process, between: int) -> bool:
    seconds, step, total = process.rows[-1][:3]
    is_long = seconds >= _SHORTEST_SECONDS and len(process.rows) >= _FEWEST_LINES
    return is_long and step + between > total and step > process.rows[0][1]


def _lines(process: _Process) -> list[Line]:
    pairs = zip([None, *process.rows], process.rows, strict=False)
    return [Line(process.began_at + row[0], _point(before, row), row[4]) for before, row in pairs]


def _point(before: Row | None, row: Row) -> LogPoint:
    """The last line of a training is one more without a loss, which the reduced files call a train line too."""
    elapsed, current, total, kind, _ = row
    if before is not None and kind == "train" and before[1] == current:
        kind = "final"
    values: dict[str, float | None] = {"loss": 1.0} if kind == "train" else {}
    return LogPoint(current, total, kind, None, 100 * current / total, values, elapsed, None, diverged=False)


def _trace(process: _Process, plan: TrainingPlan, lines: tuple[Line, ...], held: Held) -> Trace:
    seconds, step, total = process.rows[-1][:3]
    unseen = (total - step) * seconds / (step - process.first_step) if held == "last step" else 0.0
    return Trace(
        kind="predict" if _is_prediction(process.rows) else "train",
        plan=plan,
        lines=lines,
        bar=_bar(process),
        began_at_seconds=process.began_at,
        first_step=process.first_step,
        ends_at_seconds=process.began_at + seconds + unseen,
        poll_seconds=_POLL_SECONDS,
    )


def _bar(process: _Process) -> tuple[BarUpdate, ...]:
    """As tqdm's own would have stood, were the steps between two lines of one length."""
    bar = TqdmBar(process.rows[0][2], process.began_at)
    if process.first_step:
        bar.update(process.first_step, process.began_at)
    step, at = process.first_step, 0.0
    for row in process.rows:
        for nth in range(1, row[1] - step + 1):
            bar.update(1, process.began_at + at + (row[0] - at) * nth / (row[1] - step))
        step, at = row[1], row[0] if row[1] > step else at
    return tuple(bar.updates)
