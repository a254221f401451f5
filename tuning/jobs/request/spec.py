"""Request for a job: the pydantic border of `POST /jobs`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from tuning.jobs.request.config_values import find_unstorable
from tuning.jobs.request.time_limit import parse_time_limit
from tuning.llamafactory.config.yaml_text import MAX_CHARACTERS
from tuning.llamafactory.kinds import Kind
from tuning.notices.request import MOST_OF_A_JOB, JobWebhook

MAX_ATTEMPTS = 10
"""Unless the request says otherwise."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _is_a_time_limit(value: str) -> str:
    parse_time_limit(value)
    return value


def _is_one_printable_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("a name is one line without control characters")
    return value


def _holds_no_control(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("a tag's value holds no control characters")
    return value


def _is_plain(value: dict[str, Any]) -> dict[str, Any]:
    finding = next(find_unstorable(value, ()), None)
    if finding is not None:
        raise ValueError(finding.message)
    return value


# What reaches an #SBATCH line is held to these; nothing else of a user's does.
_WORD = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}"
SlurmWord = Annotated[str, StringConstraints(pattern=rf"^{_WORD}$")]
SlurmNumber = Annotated[int, Field(strict=True, ge=0, le=10**9)]
SlurmText = Annotated[str, StringConstraints(max_length=500)]
SlurmConstraint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\]()&|*,-]{1,200}$")]
SlurmHosts = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\],-]{1,500}$")]
SlurmPartitions = Annotated[str, StringConstraints(pattern=rf"^{_WORD}(,{_WORD}){{0,9}}$")]
SlurmOptions = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,30}$")], bool | SlurmNumber | SlurmText],
    Field(max_length=20),
]
Memory = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8}[KMGT]?)$")]
TimeLimit = Annotated[str, AfterValidator(_is_a_time_limit)]
JobName = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_is_one_printable_line)]
MAX_PRIORITY = 1_000_000
Priority = Annotated[
    int,
    Field(
        ge=-MAX_PRIORITY, le=MAX_PRIORITY, description="Beyond -100 to 100, as it is set usually: administrators only."
    ),
]
TagKey = Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]{1,64}$")]
"""Without a colon: a filter is `key:value`."""
TagValue = Annotated[str, StringConstraints(max_length=512), AfterValidator(_holds_no_control)]
Tags = Annotated[dict[TagKey, TagValue], Field(max_length=50)]
JobId = Annotated[str, StringConstraints(pattern=r"^job_[a-z0-9]{1,28}$")]
RecipeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
JobClassWord = Literal["urgent", "normal", "scavenger"]
SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
Step = Annotated[int, Field(ge=1, le=2**31 - 1)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
FileText = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS)]
Files = Annotated[dict[FileName, FileText], Field(max_length=20)]
Variable = Annotated[str, StringConstraints(max_length=500)]
Environment = Annotated[dict[SecretName, Variable], Field(max_length=50)]
DatasetId = Annotated[str, StringConstraints(pattern=r"^ds_[a-z0-9]{1,28}$")]


class Resources(BaseModel):
    """Resources asked of Slurm; a field that is left out is filled from the cluster's defaults, where they have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: SlurmWord | None = None
    partition: SlurmPartitions | None = Field(
        default=None, description="Slurm's partition; several with commas: whichever can start it first."
    )
    nodes: int | None = Field(default=None, ge=1, le=10_000)
    gpus_per_node: int | None = Field(default=None, ge=0, le=1_000)
    gpu_type: SlurmWord | None = None
    cpus_per_gpu: int | None = Field(default=None, ge=1, le=1_024)
    memory: Memory | None = None
    """Per node, as `sbatch --mem` takes it: 0 = all of it."""
    time_limit: TimeLimit | None = None
    """As `sbatch --time` takes it: minutes, MM:SS, HH:MM:SS or D-HH[:MM[:SS]]."""
    account: SlurmWord | None = None
    qos: SlurmWord | None = None
    constraint: SlurmConstraint | None = None
    exclude: SlurmHosts | None = None
    options: SlurmOptions | None = Field(
        default=None, description="Further options of sbatch, as far as the cluster's operator lets jobs have them."
    )


class Continuation(BaseModel):
    """Automatic continuation of a cut-off run, from its newest whole checkpoint: after which ends, how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: int = Field(default=MAX_ATTEMPTS, ge=1, le=100)
    on: tuple[Literal["timeout", "preempted", "node_fail"], ...] = ("timeout", "preempted", "node_fail")


class ResumeFrom(BaseModel):
    """Checkpoint of an ended training that a new one goes on from: with its optimizer, its schedule and its steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: JobId | None = Field(
        default=None, description="The training that left the checkpoint; in a retry or clone, that job itself."
    )
    checkpoint: Step | None = Field(default=None, description="Which of its checkpoints; null = the newest whole one.")


class JobRequest(BaseModel):
    """The body of `POST /jobs` and `POST /jobs/validate`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: JobName | None = None
    kind: Kind = "train"
    recipe: RecipeName | None = Field(default=None, description="A named starting point; config is laid over it.")
    config: Annotated[dict[str, Any], AfterValidator(_is_plain)] | None = None
    config_yaml: str | None = Field(default=None, max_length=MAX_CHARACTERS)
    command: str | None = Field(
        default=None,
        max_length=MAX_CHARACTERS,
        description="A command line such as `llamafactory-cli train config.yaml`; it is read, not run.",
    )
    script: str | None = Field(
        default=None,
        max_length=MAX_CHARACTERS,
        description="The text of a batch script with one training in it; it is read, not run.",
    )
    files: Files = Field(default_factory=dict, description="Texts of the files that command or script names, by name.")
    datasets: tuple[DatasetId, ...] = Field(default=(), max_length=100)
    source_job: JobId | None = Field(
        default=None, description="The job whose adapter or model is used; one that has not ended is waited for."
    )
    checkpoint: Step | None = Field(default=None, description="Which of its checkpoints; none = the final one.")
    resume_from: ResumeFrom | None = Field(
        default=None,
        description="Go on from what an ended training left, with its optimizer and its steps; source_job begins anew.",
    )
    depends_on: tuple[JobId, ...] = Field(default=(), max_length=100, description="Jobs that must succeed first.")
    secrets: tuple[SecretName, ...] = Field(
        default=(), max_length=20, description="Names of your secrets; the run finds them in its environment."
    )
    environment: Environment = Field(
        default_factory=dict,
        description="Variables of the run, of a list: WANDB_PROJECT and the like, NCCL_DEBUG. Keys are secrets.",
    )
    keep_checkpoints: int | None = Field(
        default=None, ge=0, le=1000, description="So many of the newest stay once it has succeeded; null = all."
    )
    continuation: Continuation | None = Field(
        default=None,
        description="By default a training goes on after preemption and a failed node, not after its time limit.",
    )
    webhooks: tuple[JobWebhook, ...] = Field(
        default=(), max_length=MOST_OF_A_JOB, description="Endpoints that are told of this job alone."
    )
    resources: Resources = Resources()
    team: TeamName | None = Field(default=None, description="Team whose share it uses; by default your usual one.")
    job_class: JobClassWord = Field(
        default="normal", alias="class", description="urgent comes before normal, and normal before scavenger."
    )
    priority: Priority = 0
    held: bool = False
    tags: Tags = Field(default_factory=dict)


class RetryRequest(JobRequest):
    """The body of `POST /jobs/{id}/retry`: what is to be other than before."""

    with_dependents: bool = Field(
        default=False, description="Retry your jobs too that failed since this one did; each waits for the new ones."
    )


class Cancellation(BaseModel):
    """The body of `POST /jobs/{id}/cancel`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    save: bool = Field(default=False, description="Let a running training save a checkpoint first.")


class JobChange(BaseModel):
    """The body of `PATCH /jobs/{id}`: what is left out (or null) stays; `tags` replaces all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: JobName | None = None
    priority: Priority | None = None
    tags: Tags | None = None
