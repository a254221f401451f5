"""Runs as seen from outside: each line of the log with its moment, what tqdm showed meanwhile, and the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from tuning.llamafactory.config.schedule import TrainingPlan
from tuning.llamafactory.progress.trainer_log import LogPoint


@dataclass(frozen=True)
class Line:
    """A line, when it was written, and its own `remaining_time`."""

    written_at_seconds: float
    point: LogPoint
    remaining_time_seconds: float


@dataclass(frozen=True)
class BarUpdate:
    """What tqdm's bar says is left, from this moment on until its next update."""

    at_seconds: float
    left_seconds: float


@dataclass(frozen=True)
class Trace:
    """One run; of a resumed one, the lines of the process before come first."""

    kind: str
    plan: TrainingPlan
    lines: tuple[Line, ...]
    bar: tuple[BarUpdate, ...]
    """Of the last process."""
    began_at_seconds: float
    """When the last process began to train."""
    first_step: int
    """The checkpoint that the last process went on from; 0 when it began anew."""
    ends_at_seconds: float
    """When it had ended, with the evaluation and the files that come after training."""
    poll_seconds: float

    def line_at(self, share: float) -> Line:
        """The last process's first line at or after this share of its steps."""
        last = self.lines[-1].point.current_steps
        wanted = self.first_step + share * (last - self.first_step)
        own = (line for line in self.lines if line.written_at_seconds >= self.began_at_seconds)
        return next(line for line in own if line.point.current_steps >= wanted)


def polls(trace: Trace, until_seconds: float) -> Iterator[tuple[float, tuple[LogPoint, ...]]]:
    """Each poll's time with the lines that are new to it; the last one comes at `until_seconds`."""
    at, read = trace.lines[0].written_at_seconds - 3 * trace.poll_seconds, 0
    while at < until_seconds:
        at = min(at + trace.poll_seconds, until_seconds)
        fresh: list[LogPoint] = []
        while read < len(trace.lines) and trace.lines[read].written_at_seconds <= at:
            fresh.append(trace.lines[read].point)
            read += 1
        yield at, tuple(fresh)


def log_text(trace: Trace) -> str:
    """The trace's lines as LLaMA-Factory would have written them."""
    return "".join(_json_line(line) for line in trace.lines)


def _json_line(line: Line) -> str:
    point = line.point
    named = {"loss": "loss", "eval_loss": "eval_loss"}
    values = "".join(f'"{name}": {point.values[name]}, ' for name in named if name in point.values)
    elapsed = timedelta(seconds=point.elapsed_seconds)
    left = timedelta(seconds=int(line.remaining_time_seconds))
    steps = f'"current_steps": {point.current_steps}, "total_steps": {point.total_steps}'
    times = f'"elapsed_time": "{elapsed}", "remaining_time": "{left}", "total_tokens": {point.total_tokens}'
    return f'{{{steps}, {values}"epoch": {point.epoch}, "percentage": {point.percentage:.2f}, {times}}}\n'
