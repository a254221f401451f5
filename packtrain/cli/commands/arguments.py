"""Arguments that several commands share, and the server they speak to."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from packtrain.cli.lookup.completion import complete_clusters, complete_jobs
from packtrain.cli.request.resource_words import slurm_memory, slurm_time

if TYPE_CHECKING:
    from packtrain.cli.request.given_run import GivenText
    from packtrain.client import Packtrain

_JOB_HELP = "A job's id, job_..., or the beginning of it, or @last for your newest."
JobId = Annotated[str, typer.Argument(metavar="JOB", help=_JOB_HELP, autocompletion=complete_jobs)]
JobIds = Annotated[
    list[str] | None, typer.Argument(metavar="JOB...", help=_JOB_HELP, autocompletion=complete_jobs, show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON as it is.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Attempt = Annotated[int | None, typer.Option(min=1, help="An earlier attempt.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Only with this tag. Repeatable.")]
ClusterName = Annotated[
    str, typer.Argument(metavar="CLUSTER", help="A cluster's name.", autocompletion=complete_clusters)
]
Run = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG.yaml | SCRIPT.sbatch | -- COMMAND ...]",
        help="LLaMA-Factory arguments as YAML, a batch script, or the line that would start it; the last two are read.",
        show_default=False,
    ),
]
Model = Annotated[str | None, typer.Option(help="The model: a name of the cluster's catalogue or a path.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Lay an argument over; null takes it away. Repeatable."),
]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs on each node.")]
Memory = Annotated[str | None, typer.Option(metavar="64G", parser=slurm_memory, help="Memory on each node.")]
TimeLimit = Annotated[
    str | None, typer.Option(metavar="HH:MM:SS", parser=slurm_time, help="Time limit: 8h, or D-HH:MM:SS.")
]


class Status(str, Enum):
    """Status of a job."""

    held = "held"
    queued = "queued"
    submitting = "submitting"
    pending = "pending"
    running = "running"
    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"


class Order(str, Enum):
    """Order of a list of jobs."""

    newest = "newest"
    oldest = "oldest"
    priority = "priority"


def run_of(words: list[str] | None) -> "tuple[Path | None, GivenText | None]":
    """The configuration file, or the script or command, with the files that it names. Raises InvalidInput."""
    from packtrain.cli.request.given_run import given_run

    given = given_run(words) if words else None
    if not isinstance(given, Path):
        return None, given
    if not given.is_file():
        raise typer.BadParameter(f"there is no file {given}; put -- in front of a command")
    return given, None


def connect() -> "Packtrain":
    """The server of the environment. Raises NotConfigured."""
    from packtrain.client import Packtrain

    return Packtrain.from_environment()


def tag_filters(words: list[str] | None) -> list[str]:
    """`key=value` as the server's filters take it. Raises BadParameter."""
    pairs = [word.partition("=") for word in words or ()]
    if wrong := [key for key, equals, _ in pairs if not (key and equals)]:
        raise typer.BadParameter(f"--tag {wrong[0]} is no KEY=VALUE")
    return [f"{key}:{value}" for key, _, value in pairs]
