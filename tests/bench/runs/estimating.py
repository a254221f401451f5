"""How far from the truth the estimate of a run's end is, beside the log's own and tqdm's: no time is measured here."""

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.report.table import Row, quantile
from tests.bench.rig import Rig
from tests.tuning.llamafactory.progress.estimates.recorded import recorded_traces
from tests.tuning.llamafactory.progress.estimates.reduced import FOLDER, Held, reduced_traces
from tests.tuning.llamafactory.progress.estimates.simulated import KINDS, make_trace
from tests.tuning.llamafactory.progress.estimates.study import REPORTED_ON, SHARES, Judged, judge, summarize

MOST_OF_THE_BETTER = 0.5
LEAST_INSIDE = 0.8
INSIDE_OF_REAL_RUNS = (0.73, 0.87)
REDUCED_LOGS = "BENCH_REDUCED_LOGS"
"""A folder of logs of real runs (estimates/reduced.py); a few are in tests/fixtures."""
NOTE = """\
The ETA: errors are shares of the true remaining time, which ends when the job does, at the first polls that saw 10, 25,
50 and 75 % of a run's steps. `remaining_time` is LLaMA-Factory's field in the log, tqdm the bar that transformers
shows on stderr; both are counted down since they were written. Simulated runs are drawn from seeds that the estimator
was not developed on (tests/tuning/llamafactory/estimates), recorded ones are trainings of a tiny model on the lab
(tests/fixtures/traces). By kind and point, our error / that of the better of the two, and how often the true end lay
inside our bounds:

{table}

  Before a slow-down nobody can foresee it; hiccups (steps of 5 to 20 times the usual), drifting and busy neighbours are
  chance, and there our estimate is about as good as the average of the whole run. The recorded runs last two minutes:
  rounding (the log counts whole seconds) and the few seconds after training make up much of their errors, so that
  alone they fall short of half.

  On real runs half is about what hindsight reaches. The best for each run of a dozen simple estimates (the mean of all,
  without the first line, of the last 1 to 32 lines, quarter, half and three quarters, and the median) has 0.40 of the
  mean and 0.64 of the median error of the better of the log's and tqdm's (27 trainings, 108 points), and 1.05 and 0.46
  of them in 35 predictions, of which two began with answers ten times as long as all others. Where the lines of a real
  run are shuffled, which leaves nothing but their mean to learn, it has 0.97 and 0.83 of these errors."""


def measure(_rig: Rig) -> Iterator[Row]:
    """Four rows of simulated and recorded runs, with a table in their note; then those of real runs' logs."""
    simulated = [one for kind in KINDS for seed in REPORTED_ON for one in judge(make_trace(kind, seed))]
    recorded = [one for trace in recorded_traces() for one in judge(trace)]
    note = NOTE.format(table=by_kind_and_point([*simulated, *recorded]))
    both = [*simulated, *recorded]
    yield _error(f"error of the ETA, {len(both) // len(SHARES)} simulated and recorded runs", both, note)
    recorded_alone = _error(f"error of the ETA, the {len(recorded) // len(SHARES)} recorded runs alone", recorded, note)
    yield replace(recorded_alone, bound="-", holds=None)
    yield _error_until_last_step(both)
    yield _inside(both)
    yield from _real_runs(Path(os.environ.get(REDUCED_LOGS, FOLDER)))


def by_kind_and_point(judged: Sequence[Judged]) -> str:
    """A table of Markdown, indented as part of a list's item."""
    lines = [["kind", *(f"{share:.0%}" for share in SHARES)], ["---"] * (1 + len(SHARES))]
    for kind in dict.fromkeys(row.kind for row in judged):
        of_kind = [row for row in judged if row.kind == kind]
        lines.append([kind, *(_cell([row for row in of_kind if row.share == share]) for share in SHARES)])
    return "\n".join(f"  | {' | '.join(line)} |" for line in lines)


def _cell(judged: Sequence[Judged]) -> str:
    summary = summarize(judged)
    better = min(summary.others.remaining_time, summary.others.tqdm)
    return f"{summary.ours:.2f} / {better:.2f}, {summary.inside:.0%}"


def _error(what: str, judged: Sequence[Judged], note: str) -> Row:
    summary = summarize(judged)
    others = f"remaining_time {summary.others.remaining_time:.3f}, tqdm {summary.others.tqdm:.3f}"
    return _row(what, others, judged, summary.ratio, note)


def _error_until_last_step(judged: Sequence[Judged]) -> Row:
    summary = summarize(judged)
    errors = summary.others_until_last_step
    others = f"remaining_time {errors.remaining_time:.3f}, tqdm {errors.tqdm:.3f}, held to the last step only"
    return _row("error of the ETA, all runs, held to the job's end", others, judged, summary.ratio_until_last_step)


def _row(what: str, beside: str, judged: Sequence[Judged], ratio: float, note: str = "") -> Row:
    errors = [row.ours for row in judged]
    return Row(
        what,
        beside,
        f"{sum(errors) / len(errors):.3f}",
        f"{ratio:.2f}",
        f"{quantile(errors, 0.25):.3f} to {quantile(errors, 0.75):.3f} (ours), n={len(errors)}",
        f"<= {MOST_OF_THE_BETTER:g}",
        ratio <= MOST_OF_THE_BETTER,
        note,
    )


def _inside(judged: Sequence[Judged]) -> Row:
    summary = summarize(judged)
    return Row(
        "the true end lies inside the ETA's bounds, all runs",
        "-",
        f"{summary.inside:.0%}, bounds {summary.width:.2f} of the remaining time wide",
        "-",
        f"n={summary.points}",
        f">= {LEAST_INSIDE:.0%}",
        summary.inside >= LEAST_INSIDE,
    )


def _real_runs(folder: Path) -> Iterator[Row]:
    """Training and predictions apart, held to the last step; a few runs alone are held to no bound."""
    is_bound = folder != FOLDER
    yield from _real_rows("train", folder, "last step", is_bound)
    yield from _real_rows("predict", folder, "last step", is_bound)
    yield from _real_rows("predict", folder, "last line", is_bound=False)


def _real_rows(kind: str, folder: Path, held: Held, is_bound: bool) -> Iterator[Row]:
    judged = [row for trace in reduced_traces(folder, held) if trace.kind == kind for row in judge(trace)]
    if not judged:
        return
    what = f"real runs ({kind}, to the {held})"
    yield _middle(f"{what}: mean error of the ETA", judged, statistics.fmean, is_bound)
    yield _middle(f"{what}: median error of the ETA", judged, statistics.median, is_bound)
    inside = statistics.fmean(row.is_inside for row in judged)
    low, high = INSIDE_OF_REAL_RUNS
    holds = low <= inside <= high if is_bound else None
    yield Row(f"{what}: inside", "-", f"{inside:.0%}", "-", f"n={len(judged)}", f"{low:.0%} to {high:.0%}", holds)


def _middle(what: str, judged: Sequence[Judged], middle: Callable[[list[float]], float], is_bound: bool) -> Row:
    ours = [row.ours for row in judged]
    log = middle([row.others.remaining_time for row in judged])
    tqdm = middle([row.others.tqdm for row in judged])
    ratio = middle(ours) / min(log, tqdm)
    return Row(
        what,
        f"remaining_time {log:.3f}, tqdm {tqdm:.3f}",
        f"{middle(ours):.3f}",
        f"{ratio:.2f}",
        f"{quantile(ours, 0.25):.3f} to {quantile(ours, 0.75):.3f} (ours), n={len(judged)}",
        f"<= {MOST_OF_THE_BETTER:g}",
        ratio <= MOST_OF_THE_BETTER if is_bound else None,
    )
