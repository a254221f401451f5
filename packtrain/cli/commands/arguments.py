"""Arguments that several commands share, and the server they speak to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from packtrain.cli.given_run import GivenText
    from packtrain.client import Packtrain

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, job_...")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON as it is.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
ClusterName = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster's name.")]
Run = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG.yaml | SCRIPT.sbatch | -- COMMAND ...]",
        help="LLaMA-Factory arguments as YAML, a batch script, or the line that would start it; the last two are read.",
        show_default=False,
    ),
]


def run_of(words: list[str] | None) -> "tuple[Path | None, GivenText | None]":
    """The configuration file, or the script or command, with the files that it names. Raises InvalidInput."""
    from packtrain.cli.given_run import given_run

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
