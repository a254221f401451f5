"""retry, clone."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

import typer

from packtrain.cli.commands.arguments import (
    AsJson,
    Gpus,
    JobId,
    JobIds,
    Memory,
    Model,
    Settings,
    Tags,
    TimeLimit,
    Yes,
    connect,
    tag_filters,
)
from packtrain.cli.commands.option_groups import grouped
from packtrain.cli.lookup.job_ids import find_job
from packtrain.cli.lookup.selection import Action, Selection, check_selection, perform
from packtrain.cli.request.remarks import note_remarks
from packtrain.cli.screen import note, say, say_json
from packtrain.schema import Job, JobFields, RetryFields

if TYPE_CHECKING:
    from packtrain.cli.request.job_request import JobOptions
    from packtrain.client import Packtrain

Name = Annotated[str | None, typer.Option(help="What people call the new job; by default as the old one.")]
FromCheckpoint = Annotated[
    str | None,
    typer.Option(
        metavar="STEP",
        help="Go on from what it left, with its optimizer: the checkpoint of a step, or `newest`.",
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Stay and watch it to its end.")]

WithDependents = Annotated[
    bool, typer.Option("--with-dependents", help="Your jobs too that failed since they waited for it; each waits anew.")
]


@dataclass(frozen=True)
class Changes:
    """Options about what is to be different in a copy of a job."""

    setting: Settings = None
    model: Model = None
    gpus: Gpus = None
    memory: Memory = None
    time: TimeLimit = None
    name: Name = None

    def options(self, *, held: bool = False) -> "JobOptions":
        """The words of the command line, by what they mean."""
        from packtrain.cli.request.job_request import JobOptions

        resources = (("gpus_per_node", self.gpus), ("memory", self.memory), ("time_limit", self.time))
        settings = tuple(self.setting or ())
        return JobOptions(model=self.model, settings=settings, resources=resources, name=self.name, held=held)


_AS_BEFORE = Changes()


@grouped
def retry(
    job: JobIds = None,
    advised: Annotated[bool, typer.Option("--advised", help="With the changes that its failure advises.")] = False,
    said: Changes = _AS_BEFORE,
    from_checkpoint: FromCheckpoint = None,
    with_dependents: WithDependents = False,
    watch: Watch = False,
    everything: Annotated[
        bool, typer.Option("--all", help="All of your own that failed and were not yet retried. It asks first.")
    ] = False,
    tag: Tags = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Queue the same runs once more, as new jobs.

    \b
    packtrain retry job_abc
    packtrain retry @last --advised
    packtrain retry @last --set learning_rate=5e-5 --time 12h --watch
    packtrain retry @last --from-checkpoint newest --gpus 2
    """
    from packtrain.cli.request.job_changes import advised_changes, going_on, laid_over, said_changes

    selection = Selection(job or (), everything, tag_filters(tag), yes)
    check_selection(selection)
    if watch and (as_json or everything or len(selection.words) != 1):
        raise typer.BadParameter("--watch goes with a single JOB, and without --json")
    asked = said_changes(said.options())
    if from_checkpoint is not None:
        asked |= going_on(from_checkpoint)
    chain: RetryFields = {"with_dependents": True} if with_dependents else {}

    def again(api: "Packtrain", job_id: str) -> Job:
        changes = asked
        if advised:
            found = api.job(job_id)
            events = () if found["failure"] else api.events(job_id)
            changes = laid_over(advised_changes(found, events), asked)
        return api.retry(job_id, **cast("RetryFields", {**changes, **chain}))

    is_meant = _is_alone_unretried if with_dependents else _is_unretried
    action = Action("retry", ("failed",), again, _described, is_meant=is_meant)
    with connect() as api:
        made = perform(api, action, selection, as_json=as_json)
        if not as_json:
            for retried in made if with_dependents else ():
                _tell_dependents(api, retried["id"])
            _follow(api, made, watch=watch)


@grouped
def clone(
    job: JobId,
    said: Changes = _AS_BEFORE,
    hold: Annotated[bool, typer.Option("--hold", help="Keep it until `packtrain release`.")] = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Queue a run like another, ended or not.

    \b
    packtrain clone @last --set learning_rate=5e-5
    packtrain clone job_abc --set max_steps=null --name "the whole of it"
    """
    from packtrain.cli.request.job_changes import said_changes

    if watch and as_json:
        raise typer.BadParameter("--watch goes without --json")
    changes: JobFields = said_changes(said.options(held=hold))
    with connect() as api:
        made = api.clone(find_job(api, job), **changes)
        if as_json:
            say_json(made)
            return
        say(_described(made))
        _follow(api, [made], watch=watch)


def _tell_dependents(api: "Packtrain", job_id: str) -> None:
    told = [event["message"] for event in api.events(job_id) if "retried" in event["data"]]
    note(told[0] if told else "no job of yours failed with it")


def _follow(api: "Packtrain", made: list[Job], *, watch: bool) -> None:
    if len(made) == 1:
        note_remarks(api, made[0]["id"])
    if watch and made:
        from packtrain.cli.watch import view_for
        from packtrain.cli.watch import watch as watch_job

        raise typer.Exit(watch_job(api, made[0]["id"], view_for(terminal=sys.stdout.isatty())))
    if len(made) == 1:
        note(f"follow it with: packtrain watch {made[0]['id']}")


def _is_alone_unretried(job: Job, own: Sequence[Job]) -> bool:
    """Whether it is not among those that come along with the job that they waited for."""
    failure = job["failure"]
    comes_along = failure is not None and failure["code"] == "dependency"
    return not comes_along and _is_unretried(job, own)


def _is_unretried(job: Job, own: Sequence[Job]) -> bool:
    return all(other["retry_of"] != job["id"] for other in own)


def _described(job: Job) -> str:
    return f"{job['id']}  {job['name']}  {job['status']}"
