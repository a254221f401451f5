"""queue, queue why."""

from typing import Annotated

import typer

from packtrain.cli.commands.arguments import AsJson, JobId, Limit, connect
from packtrain.cli.lookup.completion import complete_clusters
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.screen import note, now, say, say_json


def show_queue(
    context: typer.Context,
    cluster: Annotated[str | None, typer.Option(help="Only on this cluster.", autocompletion=complete_clusters)] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show the jobs that wait, in their order, and when they start."""
    from packtrain.cli.text.job_table import short_ids
    from packtrain.cli.text.queue_text import COLUMNS, queue_row
    from packtrain.cli.text.table import draw

    if context.invoked_subcommand is not None:
        return
    with connect() as api:
        page = api.queue(limit=limit, cluster=cluster)
    if as_json:
        say_json(page)
        return
    moment, ids = now(), short_ids([entry["job_id"] for entry in page["data"]])
    if page["data"]:
        draw(COLUMNS, [queue_row(entry, ids[entry["job_id"]], moment) for entry in page["data"]])
    count = len(page["data"])
    note(f"the first {count}: --limit shows more" if page["has_more"] else f"{count or 'no'} waiting")


def why(job: JobId, as_json: AsJson = False) -> None:
    """Say why a job has its place, what it waits for, and when it starts."""
    from packtrain.cli.text.queue_text import why_lines

    with connect() as api:
        found = api.queue_entry(find_job(api, job))
    if as_json:
        say_json(found)
        return
    for line in why_lines(found, now()):
        say(line)
