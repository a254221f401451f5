"""cancel, hold, release, delete, priority."""

from typing import TYPE_CHECKING, Annotated

import typer

from packtrain.cli.commands.arguments import AsJson, JobId, JobIds, Tags, Yes, connect, tag_filters
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.lookup.selection import Action, Selection, check_selection, perform
from packtrain.cli.screen import say, say_json
from packtrain.schema import Job
from packtrain.transport.long_poll import ENDED

if TYPE_CHECKING:
    from packtrain.client import Packtrain

_UNENDED = ("held", "queued", "submitting", "pending", "running")
AllMine = Annotated[bool, typer.Option("--all", help="All of your own that it is for. It asks first.")]


def cancel(
    job: JobIds = None,
    everything: AllMine = False,
    tag: Tags = None,
    save: Annotated[bool, typer.Option("--save", help="Let a running training save a checkpoint first.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Ask for the end of jobs.

    They are cancelled once Slurm has confirmed it.

    \b
    packtrain cancel @last
    packtrain cancel --all --tag sweep=7
    """

    def describe(found: Job) -> str:
        return f"{found['id']} {found['status']}" + ("" if found["status"] in ENDED else ", to be cancelled")

    action = Action("cancel", _UNENDED, lambda api, job_id: api.cancel(job_id, save=save), describe)
    _perform(action, Selection(job or (), everything, tag_filters(tag), yes), as_json=as_json)


def hold(
    job: JobIds = None, everything: AllMine = False, tag: Tags = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Keep jobs from running until `release`.

    Queued ones stay here; others are taken back from Slurm, a running training with a checkpoint.
    """

    def describe(found: Job) -> str:
        return f"{found['id']} {found['status']}" + ("" if found["status"] == "held" else ", to be held")

    action = Action("hold", _UNENDED[1:], lambda api, job_id: api.hold(job_id), describe)
    _perform(action, Selection(job or (), everything, tag_filters(tag), yes), as_json=as_json)


def release(
    job: JobIds = None, everything: AllMine = False, tag: Tags = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Let held jobs go.

    Each goes on from its newest checkpoint where it has one.
    """
    action = Action("release", ("held",), lambda api, job_id: api.release(job_id), _with_status)
    _perform(action, Selection(job or (), everything, tag_filters(tag), yes), as_json=as_json)


def delete(job: JobIds = None, yes: Yes = False) -> None:
    """Forget ended jobs. It asks first; their files stay on the cluster."""

    def forget(api: "Packtrain", job_id: str) -> Job:
        found = api.job(job_id)
        api.delete_job(job_id)
        return found

    action = Action("delete", (), forget, lambda found: f"{found['id']} is deleted", always_asks=True)
    _perform(action, Selection(job or (), everything=False, tags=(), yes=yes), as_json=False)


def priority(
    job: JobId,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Greater goes first in our queue; 0 is usual.")],
    as_json: AsJson = False,
) -> None:
    """Let a job go before or behind others of our queue.

    \b
    packtrain priority @last 10
    packtrain priority @last -5
    """
    with connect() as api:
        found = api.change(find_job(api, job), priority=number)
    if as_json:
        say_json(found)
    else:
        say(f"{found['id']} {found['status']}, priority {found['priority']}")


def _perform(action: Action, selection: Selection, *, as_json: bool) -> None:
    check_selection(selection)
    with connect() as api:
        perform(api, action, selection, as_json=as_json)


def _with_status(found: Job) -> str:
    return f"{found['id']} {found['status']}"
