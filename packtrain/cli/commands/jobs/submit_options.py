"""Options of submit and check: what a run is, what it asks of Slurm, and how it is queued."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import Annotated

import typer

from packtrain.cli.commands.arguments import Gpus, Memory, TimeLimit
from packtrain.cli.lookup.completion import complete_jobs, complete_recipes


class Kind(str, Enum):
    """Kind of a job: training, export or prediction."""

    train = "train"
    export = "export"
    predict = "predict"


KindOption = Annotated[Kind | None, typer.Option(help="train, export (merge an adapter) or predict.")]
Data = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="FILE|ds_...", help="Train on this file or data set. Repeatable."),
]
Recipe = Annotated[
    str | None, typer.Option(help="A starting point: see `packtrain recipes list`.", autocompletion=complete_recipes)
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="JOB", help="Use what this job leaves: its adapter or model.", autocompletion=complete_jobs
    ),
]
Checkpoint = Annotated[
    int | None, typer.Option(min=1, metavar="STEP", help="Of --from: this checkpoint, not the final one.")
]
After = Annotated[
    list[str] | None,
    typer.Option(
        "--after", metavar="JOB", help="Wait until this job has succeeded. Repeatable.", autocompletion=complete_jobs
    ),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="NAME", help="A secret of yours that the run needs. Repeatable."),
]
Environment = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable of the run: WANDB_PROJECT, NCCL_DEBUG. Repeatable."),
]
KeepCheckpoints = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Keep the newest N once it has succeeded; by default all.")
]
Attempts = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Go on after the time limit too, in up to N attempts, each from a checkpoint."
    ),
]
Name = Annotated[str | None, typer.Option(help="What people call the job.")]
NewTags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A tag. Repeatable.")]
Cluster = Annotated[str | None, typer.Option(help="Which cluster, where there are several.")]
Partition = Annotated[str | None, typer.Option(help="A partition of Slurm's.")]
Nodes = Annotated[int | None, typer.Option(min=1, help="How many nodes.")]
GpuType = Annotated[str | None, typer.Option(help="Which GPUs, as Slurm calls them.")]
CpusPerGpu = Annotated[int | None, typer.Option(min=1, help="CPUs for each GPU.")]
Account = Annotated[str | None, typer.Option(help="Slurm's account.")]
Qos = Annotated[str | None, typer.Option(help="Slurm's QOS.")]
Constraint = Annotated[str | None, typer.Option(help="Features that the nodes must have.")]
Exclude = Annotated[str | None, typer.Option(metavar="NODES", help="Nodes to keep away from.")]
SbatchOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--sbatch", metavar="NAME[=VALUE]", help="An option of sbatch that the cluster lets jobs have. Repeatable."
    ),
]
Priority = Annotated[int, typer.Option(help="Greater goes first in our queue.")]
Hold = Annotated[bool, typer.Option("--hold", help="Keep it until `packtrain release`.")]
Watch = Annotated[bool, typer.Option("--watch", help="Stay and watch it to its end.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what the server would say.")]
WithScript = Annotated[bool, typer.Option("--script", help="Print the batch script too.")]


@dataclass(frozen=True)
class Conditions:
    """Options about what a run waits for, what it is given, and how long it goes on."""

    after: After = None
    secret: Secrets = None
    env: Environment = None
    keep_checkpoints: KeepCheckpoints = None
    attempts: Attempts = None


@dataclass(frozen=True)
class Place:
    """Options about the place of a run: what Slurm is asked for."""

    cluster: Cluster = None
    partition: Partition = None
    nodes: Nodes = None
    gpus: Gpus = None
    gpu_type: GpuType = None
    cpus_per_gpu: CpusPerGpu = None
    memory: Memory = None
    time: TimeLimit = None
    account: Account = None
    qos: Qos = None
    constraint: Constraint = None
    exclude: Exclude = None

    @property
    def resources(self) -> tuple[tuple[str, str | int | None], ...]:
        """By the API's names, in its order."""
        words = {"gpus": "gpus_per_node", "time": "time_limit"}
        return tuple((words.get(each.name, each.name), getattr(self, each.name)) for each in fields(self))


NO_CONDITIONS, ANY_PLACE = Conditions(), Place()
