"""Arguments that several commands share, and the server they speak to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from packtrain.client import Packtrain

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, job_...")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON as it is.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]
ClusterName = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster's name.")]
ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG.yaml", dir_okay=False, exists=True, help="LLaMA-Factory arguments as YAML.")
]


def connect() -> "Packtrain":
    """The server of the environment. Raises NotConfigured."""
    from packtrain.client import Packtrain

    return Packtrain.from_environment()
