"""metrics, compare."""

import sys
from typing import Annotated

import typer

from packtrain.cli.commands.arguments import AsJson, JobId, connect
from packtrain.cli.lookup.completion import complete_jobs
from packtrain.cli.lookup.job_ids import find_job, find_jobs
from packtrain.cli.screen import columns_of_terminal, is_terminal, note, say, say_json, say_text
from packtrain.cli.text.table import Column, draw
from packtrain.cli.text.units import number
from packtrain.schema import Series

_BARS = 40
_FEWEST_BARS = 10
_NUMBERS_WIDTH = 66
"""Cells beside the bars: a long name, and five numbers."""


def metrics(
    job: JobId,
    points: Annotated[int, typer.Option(min=2, max=10_000, help="Of --json: how many points of each series.")] = 500,
    csv: Annotated[bool, typer.Option("--csv", help="Every point of the training log as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the course of a training's numbers.

    Loss, learning rate and whatever else it logs.

    \b
    packtrain metrics @last
    packtrain metrics job_abc --csv > metrics.csv
    """
    with connect() as api:
        job_id = find_job(api, job)
        if csv:
            say_text(api.metrics_csv(job_id).rstrip("\n"))
            return
        found = api.metrics(job_id, points=points)
    if as_json:
        say_json(found)
        return
    rows = [_row(name, series) for name, series in found["series"].items() if series["values"]]
    if rows:
        draw([Column("SERIES", least_width=10), *(Column(name) for name in _HEADS), Column("POINTS", left_out=1)], rows)
    else:
        note(f"{job_id} has logged no numbers yet")


_HEADS = ("COURSE", "FIRST", "LAST", "LOWEST", "HIGHEST")


def compare(
    job: Annotated[
        list[str],
        typer.Argument(metavar="JOB JOB...", help="Two runs or more, as `packtrain show` takes them.",
                       autocompletion=complete_jobs),
    ],
    everything: Annotated[bool, typer.Option("--all", help="What they have in common, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:  # fmt: skip
    """Show how runs differ, and what came of each.

    \b
    packtrain compare job_abc job_def
    packtrain compare @last job_abc --all
    """
    from packtrain.cli.text.comparison import compared, figures

    with connect() as api:
        jobs = [api.job(job_id) for job_id in find_jobs(api, job)]
    if len(jobs) < 2:
        raise typer.BadParameter("give two different jobs or more")
    differences, ends = compared(jobs, everything=everything), figures(jobs)
    if as_json:
        say_json({"jobs": [each["id"] for each in jobs], "differences": differences, "figures": ends})
        return
    from packtrain.cli.text.comparison import shown
    from packtrain.cli.text.job_table import short_ids

    whole = [each["id"] for each in jobs]
    ids = short_ids(whole) if is_terminal() else dict(zip(whole, whole, strict=True))
    heads = [Column("", least_width=12), *(Column(ids[each["id"]], least_width=8, is_name=True) for each in jobs)]
    rows = [("name", *(each["name"] for each in jobs)), *shown(differences)]
    draw(heads, [*rows, ("",) * len(heads), *shown(ends)])
    if not differences:
        say("their configurations are the same")


def _row(name: str, series: Series) -> tuple[str, ...]:
    from packtrain.cli.text.sparkline import numbers, sparkline

    values = numbers(series["values"])
    if not values:
        return name, "", *("not a number",), "", "", "", str(series["total"])
    told = (values[0], values[-1], min(values), max(values))
    return name, sparkline(series["values"], _width()), *map(number, told), str(series["total"])


def _width() -> int:
    room = columns_of_terminal() - _NUMBERS_WIDTH if sys.stdout.isatty() else _BARS
    return max(_FEWEST_BARS, min(_BARS, room))
