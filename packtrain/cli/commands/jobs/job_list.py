"""list."""

from typing import Annotated

import typer

from packtrain.cli.commands.arguments import AsJson, Limit, Order, Status, Tags, connect, tag_filters
from packtrain.cli.lookup.all_pages import MOST_ROWS
from packtrain.cli.lookup.completion import complete_clusters
from packtrain.cli.lookup.job_pages import Filters, all_jobs, nth_page
from packtrain.cli.screen import is_terminal, note, now, say_json
from packtrain.schema import Job, JobPage

ACTIVE = (Status.held, Status.queued, Status.submitting, Status.pending, Status.running)
_SORTS = {Order.newest: "-created_at", Order.oldest: "created_at", Order.priority: "-priority"}


def list_jobs(
    status: Annotated[
        list[Status] | None, typer.Option(metavar="STATUS", help="Only these: queued, running, failed, ... Repeatable.")
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only your own.")] = False,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
    owner: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Only on this cluster.", autocompletion=complete_clusters)] = None,
    tag: Tags = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only with these words in the name.")] = None,
    sort: Annotated[Order, typer.Option(help="Which come first.")] = Order.newest,
    page: Annotated[int, typer.Option(min=1, max=500, help="Which page.")] = 1,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="The page behind `next` of --json.")] = None,
    limit: Limit = 20,
    everything: Annotated[bool, typer.Option("--all", help=f"All pages ({MOST_ROWS} jobs at most).")] = False,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    \b
    packtrain list --mine --active
    packtrain list --status running --sort priority
    packtrain list --tag team=mt --all
    """
    if mine and owner:
        raise typer.BadParameter("--mine is an --owner already: give one of them")
    if everything and (page > 1 or after):
        raise typer.BadParameter("--all shows every page: leave out --page and --after")
    asked: dict[str, str | list[str] | None] = {
        "status": [each.value for each in dict.fromkeys([*(status or ()), *(ACTIVE if active else ())])],
        "owner": owner, "cluster": cluster, "q": search, "tag": tag_filters(tag),
        "sort": _SORTS[sort] if sort is not Order.newest else None,
    }  # fmt: skip
    filters: Filters = {name: value for name, value in asked.items() if value}
    with connect() as api:
        if mine:
            filters["owner"] = api.me()["name"]
        found = all_jobs(api, filters) if everything else nth_page(api, filters, limit, page, after)
    if as_json:
        say_json(found)
        return
    show_jobs(found["data"])
    first = (page - 1) * limit if not everything else 0
    note(_count(found, first, page))


def show_jobs(jobs: list[Job]) -> None:
    """A table of jobs; on a terminal with short ids."""
    if not jobs:
        return
    from packtrain.cli.text.job_table import COLUMNS, job_row, short_ids
    from packtrain.cli.text.table import draw

    moment = now()
    ids = [job["id"] for job in jobs]
    shown = short_ids(ids) if is_terminal() else {each: each for each in ids}
    draw(COLUMNS, [job_row(job, shown[job["id"]], moment) for job in jobs])


def _count(found: JobPage, first: int, page: int) -> str:
    count = len(found["data"])
    if count == 0:
        return "no jobs" if page == 1 else "no more jobs"
    jobs = f"{count} {'job' if count == 1 else 'jobs'}" if first == 0 else f"jobs {first + 1} to {first + count}"
    if not found["has_more"]:
        return jobs
    return f"{jobs}, and there are more: --page {page + 1}, or --all" if found["next"] else f"the first {jobs}"
