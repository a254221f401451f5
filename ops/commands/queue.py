"""simulate: the order of the queue, tried on a recorded workload."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from packtrain.cli.screen import note, say_text
from packtrain.errors import PacktrainError

if TYPE_CHECKING:
    from tuning.queue.order import Weights
    from tuning.queue.simulation.trace import Trace

_DAY_SECONDS = 86400
_GZIP = b"\x1f\x8b"
_MOST_BYTES = 1_000_000_000
"""Of a workload that was unpacked: about ten million lines."""
_LONGEST_LINE = 100_000


def simulate(
    trace: Annotated[
        Path, typer.Argument(metavar="TRACE", help="A workload in the Standard Workload Format, packed by gzip or not.")
    ],
    load: Annotated[
        float | None,
        typer.Option(help="Submit in a shorter or longer time, so that this part of all GPU time is wanted."),
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="GPUs of the machine; the workload says it otherwise.")
    ] = None,
    teams: Annotated[bool, typer.Option("--teams", help="The workload's groups are teams; else all are one.")] = False,
    seed: Annotated[int, typer.Option(help="Of time limits that are made up.")] = 1993,
    half_life: Annotated[float, typer.Option(metavar="DAYS", help="In which use of GPUs, and waits, count half.")] = 7,
    overdue: Annotated[float, typer.Option(metavar="DAYS", help="After which the oldest job comes first.")] = 7,
    forecast: Annotated[bool, typer.Option("--forecast", help="Measure the forecast of starts, too.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="A picture of it.")] = None,
) -> None:
    """Try the order of the queue on a recorded workload, beside FIFO and EASY backfill.

    Each job is started by the code that orders the real queue. A limit that nobody recorded is made up: 1 to 5 times
    the run, rounded up. docs/benchmarks.md says what the columns are.

    \b
    packtrain simulate NASA-iPSC-1993-3.1-cln.swf.gz --load 0.9 --out queue.svg
    """
    from tuning.queue.order import Weights
    from tuning.queue.simulation.compare import compare
    from tuning.queue.simulation.picture import as_svg
    from tuning.queue.simulation.table import as_table

    recorded = _read(trace, gpus, groups_are_teams=teams, seed=seed)
    workload = recorded.with_load(load) if load is not None else recorded
    note(_summary(workload))
    weights = Weights(half_life_seconds=half_life * _DAY_SECONDS, overdue_seconds=overdue * _DAY_SECONDS)
    comparison = compare(workload, weights)
    say_text(as_table(comparison.measures))
    note(f"{comparison.beyond_bound} jobs waited longer under packtrain's order than its bound")
    if forecast:
        say_text(_foresight_text(workload, weights))
    if out is not None:
        out.write_text(as_svg(comparison.runs), encoding="utf-8")
        note(f"the picture is {out}")


def _foresight_text(workload: "Trace", weights: "Weights") -> str:
    from tuning.queue.simulation.foresight import foresight

    found = foresight(workload, weights)
    hours = 3600
    return (
        f"forecast of {found.forecasts:,} starts: mean error {found.mean_error_seconds / hours:.2f} h, by time limits "
        f"{found.mean_error_by_limits_seconds / hours:.2f} h (ratio {found.error_ratio:.2f}), of a mean wait of "
        f"{found.mean_wait_seconds / hours:.2f} h; {found.inside:.1%} within the bounds"
    )


def _read(path: Path, gpus: int | None, *, groups_are_teams: bool, seed: int) -> "Trace":
    from tuning.queue.simulation.swf import read_swf

    try:
        with _opened(path) as lines:
            return read_swf(_bounded(lines, path), gpus, groups_are_teams=groups_are_teams, seed=seed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PacktrainError(f"{path}: it is not whole: {error}", hint="fetch it again") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        binary = gzip.GzipFile(fileobj=file) if packed else file
        yield io.TextIOWrapper(binary, encoding="utf-8", errors="replace")


def _bounded(lines: IO[str], path: Path) -> Iterator[str]:
    """Lines of bounded length, up to a bounded sum."""
    read = 0
    while line := lines.readline(_LONGEST_LINE):
        read += len(line)
        if read > _MOST_BYTES:
            raise PacktrainError(f"{path}: more than {_MOST_BYTES:,} bytes", hint="cut it: a year is enough")
        yield line


def _summary(trace: "Trace") -> str:
    days = (trace.jobs[-1].submitted_at - trace.jobs[0].submitted_at) / _DAY_SECONDS
    people = len({job.person for job in trace.jobs})
    words = (
        f"{len(trace.jobs):,} jobs of {people} people in {days:.1f} days on {trace.gpus:,} GPUs, load {trace.load:.2f}"
    )
    left_out = f"; left out {trace.left_out:,} that never ran or do not fit" if trace.left_out else ""
    made_up = f"; limits made up for {trace.made_up_limits:,}" if trace.made_up_limits else ""
    return words + left_out + made_up
