"""Settings of one cluster's batch script: what a site does in its own way.

All of it is the operator's. Values become words of a shell script and of options of Slurm's, so each is held to a
pattern here; only the lines of `prelude` are program text, and are meant to be.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PreludeLine = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]+$", max_length=1000)]
ContainerCommand = Annotated[
    str, Field(pattern=r"^(apptainer|singularity|/[A-Za-z0-9._/@+-]*[A-Za-z0-9._@+-])$", max_length=1000)
]
Hub = (
    Literal["offline", "online"]
    | Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,252})(:[0-9]{1,5})?/?$", max_length=300)]
)
# Variables in braces are the node's own: ${SLURM_TMPDIR}.
ScratchFolder = Annotated[
    str,
    Field(pattern=r"^(/|\$\{[A-Z][A-Z0-9_]{0,63}\})([A-Za-z0-9._/@+-]|\$\{[A-Z][A-Z0-9_]{0,63}\})*$", max_length=500),
]

_WORDS = r"[A-Za-z0-9][A-Za-z0-9._:@+,-]{0,199}"
_NODES = r"[A-Za-z0-9][A-Za-z0-9_.\[\],-]{0,499}"
_COUNT = r"[1-9][0-9]{0,4}"
_BINDING = r"[a-z][A-Za-z0-9_:,*-]{0,499}"
# Not here, as packtrain gives them itself, or lives by them: wrap, export, output, error, job-name, comment, signal,
# requeue, array, chdir, dependency, and the resources that a job asks for.
SBATCH_OPTIONS: Mapping[str, str] = {
    "contiguous": "",
    "core-spec": _COUNT,
    "cpu-freq": _WORDS,
    "exclusive": r"|user|mcs|topo",
    "gres-flags": r"[a-z-]{1,50}",
    "hint": r"compute_bound|memory_bound|(no)?multithread",
    "licenses": r"[A-Za-z0-9][A-Za-z0-9._:@+,|-]{0,199}",
    "mail-type": r"[A-Za-z0-9_]{1,20}(,[A-Za-z0-9_]{1,20}){0,15}",
    "mail-user": r"[A-Za-z0-9._+-]{1,100}(@[A-Za-z0-9.-]{1,150})?",
    "mcs-label": _WORDS,
    "nodelist": _NODES,
    "prefer": r"[A-Za-z0-9_.\[\]()&|*,-]{1,200}",
    "propagate": r"[A-Z]{1,12}(,[A-Z]{1,12}){0,15}",
    "reservation": _WORDS,
    "switches": rf"{_COUNT}(@[0-9:-]{{1,20}})?",
    "threads-per-core": _COUNT,
    "tmp": r"[1-9][0-9]{0,8}[KMGT]?",
    "wckey": _WORDS,
}
"""Options of sbatch(1) that an operator may add, and what they may be; one that may be empty may stand alone."""
SRUN_OPTIONS: Mapping[str, str] = {
    "accel-bind": r"[gnv]{1,3}",
    "cpu-bind": _BINDING,
    "distribution": _BINDING,
    "gpu-bind": _BINDING,
    "hint": SBATCH_OPTIONS["hint"],
    "mem-bind": _BINDING,
    "mpi": r"none|pmi2|pmix[a-z0-9_]{0,20}",
    "network": r"[A-Za-z][A-Za-z0-9_=,-]{0,199}",
}
"""Options of srun(1) likewise: where the processes of a run are put on a node."""
Limit = Literal["core", "memlock", "nofile", "nproc", "stack"]
LimitValue = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Options = dict[str, bool | int | str]


class SiteSettings(BaseModel):
    """Settings of a site that stand in its batch scripts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prelude: tuple[PreludeLine, ...] = Field(default=(), max_length=50)
    """Lines of bash that run first on every node (`module load apptainer`)."""
    container_command: ContainerCommand = "apptainer"
    """`apptainer`, `singularity`, or the path of either."""
    gpu_request: Literal["gres", "gpus-per-node", "none"] = "gres"
    """How Slurm is asked for GPUs; `none` where it knows of none, and gives whole nodes."""
    sbatch_options: Options = Field(default_factory=dict)
    """Further #SBATCH lines, of SBATCH_OPTIONS."""
    job_options: tuple[str, ...] = ()
    """The options among SBATCH_OPTIONS that people may give their jobs (`resources.options`)."""
    hub: Hub | None = None
    """How runs reach hubs: `offline`, `online`, or by the proxy at this URL; by default as the image has it."""
    srun_options: Options = Field(default_factory=dict)
    """Further words for srun, of SRUN_OPTIONS."""
    umask: str | None = Field(default=None, pattern=r"^0?0[0-7][2367]$")
    """Of what runs and their script write; others may never write."""
    ulimits: dict[Limit, Literal["unlimited"] | LimitValue] = Field(default_factory=dict)
    """Limits of each process on the nodes, in the units of bash's `ulimit`."""
    scratch: ScratchFolder | None = None
    """A folder that each node has, for the temporary files of runs; by default $TMPDIR, else /tmp."""
    compile_cache: Literal["attempt", "node", "image"] = "attempt"
    """Where compiled kernels lie (Triton, inductor, DeepSpeed's extensions): with the attempt, in `scratch`, or kept
    for all runs of an image: then what one run plants there, another runs (docs/decisions/0006)."""

    @model_validator(mode="after")
    def _has_options_that_hold(self) -> Self:
        _vet("sbatch_options", self.sbatch_options, SBATCH_OPTIONS)
        _vet("srun_options", self.srun_options, SRUN_OPTIONS)
        _vet("job_options", dict.fromkeys(self.job_options, False), SBATCH_OPTIONS)
        return self


def hub_environment(hub: str | None, has_wandb_key: bool) -> dict[str, str]:
    """Variables of a run's container that say how it reaches hubs. Pure."""
    if hub is None:
        return {}
    is_offline = hub == "offline"
    offline = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    variables = dict.fromkeys(offline, "1" if is_offline else "0")
    # Without a key W&B would end the run.
    variables["WANDB_MODE"] = "online" if has_wandb_key and not is_offline else "offline"
    if hub in ("offline", "online"):
        return variables
    return {**variables, "http_proxy": hub, "https_proxy": hub, "no_proxy": "localhost,127.0.0.1,::1"}


def option_words(options: Options) -> list[str]:
    """The options as Slurm's programs read them, each a word; one that is false is left out."""
    return [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value is not False
    ]


def is_option(name: str, value: bool | int | str) -> bool:
    """Whether sbatch may be given this option with this value; one that is false is left out."""
    text = "" if isinstance(value, bool) else str(value)
    return name in SBATCH_OPTIONS and (value is False or re.fullmatch(SBATCH_OPTIONS[name], text) is not None)


def _vet(setting: str, options: Options, allowed: Mapping[str, str]) -> None:
    """Raises ValueError."""
    for name, value in options.items():
        if name not in allowed:
            raise ValueError(f"{setting}: {name[:100]!r} cannot be set here; what can: {', '.join(sorted(allowed))}")
        text = "" if isinstance(value, bool) else str(value)
        if value is not False and not re.fullmatch(allowed[name], text):
            raise ValueError(f"{setting}.{name}: {value!r:.200} is no value that is taken for it")
