"""Several jobs at once: those that are named, or all of one's own that a command is for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from packtrain.cli.lookup.job_ids import find_jobs
from packtrain.cli.lookup.job_pages import Filters, all_jobs
from packtrain.cli.screen import agreed, complain, note, say, say_json
from packtrain.errors import ApiError
from packtrain.schema import Job

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_MOST_NAMED = 10


@dataclass(frozen=True)
class Selection:
    """The words of a command line that say which jobs."""

    words: Sequence[str]
    everything: bool
    tags: Sequence[str]
    """As the server's filters take them."""
    yes: bool


@dataclass(frozen=True)
class Action:
    """A command that is done to jobs, one after the other."""

    verb: str
    statuses: Sequence[str]
    """Of these --all takes one's own."""
    apply: "Callable[[Packtrain, str], Job]"
    describe: Callable[[Job], str]
    is_meant: Callable[[Job, Sequence[Job]], bool] = lambda _job, _all: True
    """Whether --all is for this job, among all of one's own."""
    always_asks: bool = False
    """Whether it asks where jobs are named, too."""


def check_selection(selection: Selection) -> None:
    """Raises BadParameter for words that say nothing, or two things."""
    if selection.everything and selection.words:
        raise typer.BadParameter("--all takes all of your jobs: leave out the ids")
    if not selection.everything and not selection.words:
        raise typer.BadParameter("give the id of a JOB, or several, or @last, or --all")
    if selection.tags and not selection.everything:
        raise typer.BadParameter("--tag goes with --all")


def perform(api: "Packtrain", action: Action, selection: Selection, *, as_json: bool) -> list[Job]:
    """Do it to each; what is refused is told and does not stop the others. Exit code 1 when something was refused."""
    ids = _chosen(api, action, selection)
    done: list[Job] = []
    refused = False
    for job_id in ids:
        try:
            done.append(action.apply(api, job_id))
        except ApiError as error:
            if len(ids) == 1:
                raise
            refused = True
            note(f"{job_id}:")
            complain(error)
    _tell(done, action, is_single=len(selection.words) == 1, as_json=as_json)
    if refused:
        raise typer.Exit(1)
    return done


def _tell(done: Sequence[Job], action: Action, *, is_single: bool, as_json: bool) -> None:
    if as_json:
        say_json(done[0] if is_single and done else {"data": list(done)})
        return
    for job in done:
        say(action.describe(job))


def _chosen(api: "Packtrain", action: Action, selection: Selection) -> list[str]:
    """Their ids. Raises InvalidInput, and Abort where the question is answered with no."""
    if not selection.everything:
        named = find_jobs(api, list(selection.words))
        if action.always_asks and not agreed(f"{action.verb} {', '.join(named)}?", yes=selection.yes):
            raise typer.Abort
        return named
    own = _own(api, selection.tags)
    meant = [job for job in own if job["status"] in action.statuses and action.is_meant(job, own)]
    if not meant:
        note(f"no job of yours is to {action.verb}")
        return []
    for line in _named(meant):
        note(line)
    count = "this 1 job" if len(meant) == 1 else f"these {len(meant)} jobs"
    if not agreed(f"{action.verb} {count} of yours?", yes=selection.yes):
        raise typer.Abort
    return [job["id"] for job in meant]


def _own(api: "Packtrain", tags: Sequence[str]) -> list[Job]:
    filters: Filters = {"owner": api.me()["name"], **({"tag": list(tags)} if tags else {})}
    return all_jobs(api, filters)["data"]


def _named(jobs: Sequence[Job]) -> Iterable[str]:
    yield from (f"  {job['id']}  {job['status']:<10}  {job['name']}" for job in jobs[:_MOST_NAMED])
    if len(jobs) > _MOST_NAMED:
        yield f"  and {len(jobs) - _MOST_NAMED} more"
