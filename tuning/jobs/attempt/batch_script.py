"""The batch script of an attempt: constant but for vetted #SBATCH lines and quoted values. Pure.

No text of a user's reaches it: what Slurm is asked for is held to the patterns below (they repeat, on purpose, what
the request model holds), and the run's configuration is a file that the script names.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tuning.errors import Finding, InvalidInput
from tuning.site_settings import SiteSettings, hub_environment, is_option, option_words

CONTAINER_FLAGS = ("--contain", "--cleanenv", "--no-home", "--no-eval", "--pid", "--ipc")
"""Apptainer's options that keep a run to itself: files, environment, processes, IPC (docs/decisions/0006)."""
TEMPLATES = Path(__file__).resolve().parents[3] / "templates"

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_VETTED = {
    "partition": re.compile(rf"{_WORD.pattern}(,{_WORD.pattern}){{0,9}}"),
    "gpu_type": _WORD,
    "account": _WORD,
    "qos": _WORD,
    "memory": re.compile(r"0|[1-9][0-9]{0,8}[KMGT]?"),
    "time_limit": re.compile(r"([0-9]{1,3}-)?[0-9]{1,6}(:[0-9]{1,2}){0,2}"),
    "constraint": re.compile(r"[A-Za-z0-9_.\[\]()&|*,-]{1,200}"),
    "exclude": re.compile(r"[A-Za-z0-9_.\[\],-]{1,500}"),
}
_PATH = re.compile(r"/[A-Za-z0-9._/@+-]{0,1000}")
_BIND = re.compile(r"/[A-Za-z0-9._/@+-]*:/[A-Za-z0-9._/@+-]*:(ro|rw)")
_OWN_PLACE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._/@+-]{0,999}")
_SECRET = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_ARCHIVE = re.compile(r"[0-9a-f]{64}\.tar")
_LIMITS = {"core": "c", "memlock": "l", "nofile": "n", "nproc": "u", "stack": "s"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=[^\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class Directives:
    """Resources that Slurm is asked for; the script states them as options of sbatch(1)."""

    time_limit: str
    nodes: int = 1
    gpus_per_node: int = 1
    cpus_per_gpu: int | None = None
    gpu_type: str | None = None
    partition: str | None = None
    memory: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    options: Mapping[str, bool | int | str] = field(default_factory=dict)
    """Further options of the job's own; the operator's hold over them."""
    warning_seconds: int | None = None
    """So long before the time limit the batch script gets USR1; Slurm may be a minute early (sbatch(1), --signal)."""


@dataclass(frozen=True)
class RunPlan:
    """The program that the script runs, with its folders, image, mounts and environment."""

    root: str
    """Our folder on the cluster: hidden from the run but for `own_places` and its output and cache."""
    attempt_directory: str
    output_directory: str
    image: str
    workdir: str
    gpu_flag: str
    """--nv, --rocm or none."""
    binds: tuple[str, ...] = ()
    """In Apptainer's form, src:dest:opts."""
    own_places: tuple[str, ...] = ()
    """Relative to `root`; read only."""
    data_files: tuple[str, ...] = ()
    """Files of the cluster's own register that it works on, as the nodes see them: their hashes are recorded."""
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Literal["train", "export", "check", "serve"] = "train"
    """The word behind `llamafactory-cli`; `check` and `serve` run our own programs instead."""
    needs_torchrun: bool = False
    """Also with one process: DeepSpeed needs it (hparams/parser.py)."""
    secrets: tuple[str, ...] = ()
    """Names of the files in the attempt's folder `secrets`, and of the variables that they become."""
    archives: tuple[str, ...] = ()
    """Names among the contents of data sets: rows with their media, which the run unpacks."""
    resume: str = ""
    """The checkpoint to go on from while the output holds none, relative to `root`; "" = begin anew."""
    site: SiteSettings = field(default_factory=SiteSettings)
    """The operator's part, held to its patterns as it was read."""


def render_script(directives: Directives, run: RunPlan) -> str:
    """The text of the script. Raises InvalidInput for a value that could mean anything but itself."""
    findings = [*_unfit_directives(directives), *_unfit_plan(run)]
    if findings:
        raise InvalidInput(findings)
    return _template().render(
        directives=[*_lines(directives, run.site)],
        run=run,
        site=run.site,
        limits=[f"-{_LIMITS[name]} {value}" for name, value in run.site.ulimits.items()],
        srun_words=option_words(run.site.srun_options),
        scratch=_scratch(run.site),
        compiled="$cache" if run.site.compile_cache == "attempt" else "$root/compiled",
        inside=_variables_for_the_container(run.site),
        processes_per_node=max(directives.gpus_per_node, 1),
        cpus_per_task=_cpus_per_task(directives),
        apart=CONTAINER_FLAGS,
        gpu_flags=[] if run.gpu_flag == "none" else [run.gpu_flag],
        environment=[f"{name}={value}" for name, value in _environment(run).items()],
    )


def directives_of(script: str) -> str:
    """Part of a script that sbatch reads: its first line and the #SBATCH lines, which is all that decides its place."""
    first, *rest = script.splitlines()
    return "".join(f"{line}\n" for line in [first, *takewhile(lambda line: line.startswith("#SBATCH "), rest)])


@cache
def _template() -> Template:
    # a shell script, not HTML: every value goes through shlex.quote by the filter `shq`
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )
    environment.filters["shq"] = shlex.quote
    return environment.get_template("sbatch/train.sh.j2")


def _variables_for_the_container(site: SiteSettings) -> str:
    """Prefix of variables that the container is to get; Apptainer takes both, by whatever name it is started."""
    program = site.container_command.rpartition("/")[2]
    return "SINGULARITYENV" if program.startswith("singularity") else "APPTAINERENV"


def _environment(run: RunPlan) -> dict[str, str]:
    """Variables of the hub, then those that the operator names himself."""
    key = "WANDB_API_KEY"
    return {**hub_environment(run.site.hub, key in run.secrets or key in run.environment), **run.environment}


def _scratch(site: SiteSettings) -> str:
    """Its words in the script; a variable that a node does not have is empty, and the folder is then missed by name."""
    return site.scratch.replace("}", "-}") if site.scratch else "${TMPDIR:-/tmp}"


def _cpus_per_task(directives: Directives) -> int:
    return (directives.cpus_per_gpu or 1) * max(directives.gpus_per_node, 1)


def _lines(directives: Directives, site: SiteSettings) -> Iterator[str]:
    options = {
        "nodes": directives.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": _cpus_per_task(directives),
        **_gpu_request(directives, site),
        "mem": directives.memory,
        "time": directives.time_limit,
        "partition": directives.partition,
        "account": directives.account,
        "qos": directives.qos,
        "constraint": directives.constraint,
        "exclude": directives.exclude,
    }
    yield from (f"--{name}={value}" for name, value in options.items() if value is not None)
    if directives.warning_seconds is not None:
        yield f"--signal=B:USR1@{directives.warning_seconds}"
    yield from option_words({**directives.options, **site.sbatch_options})
    yield "--no-requeue"
    yield "--open-mode=append"


def _gpu_request(directives: Directives, site: SiteSettings) -> dict[str, str]:
    if not directives.gpus_per_node or site.gpu_request == "none":
        return {}
    gpus = f"{directives.gpu_type}:{directives.gpus_per_node}" if directives.gpu_type else f"{directives.gpus_per_node}"
    return {"gres": f"gpu:{gpus}"} if site.gpu_request == "gres" else {"gpus-per-node": gpus}


def _unfit_directives(directives: Directives) -> Iterator[Finding]:
    for name, pattern in _VETTED.items():
        value = getattr(directives, name)
        if value is not None and not pattern.fullmatch(value):
            yield Finding(("resources", name), f"{value!r} is not something that sbatch takes as {name}")
    for name, value in directives.options.items():
        if not is_option(name, value):
            yield Finding(("resources", "options", name), f"{value!r} is not something that sbatch takes as --{name}")
    for name, most in (("nodes", 10_000), ("gpus_per_node", 10_000), ("warning_seconds", 65_535)):
        if not 0 <= (getattr(directives, name) or 0) <= most:
            yield Finding(("resources", name), f"{name} is out of range")


def _unfit_plan(run: RunPlan) -> Iterator[Finding]:
    for name in ("root", "attempt_directory", "output_directory", "image", "workdir"):
        if not _PATH.fullmatch(getattr(run, name)):
            yield Finding((name,), f"{getattr(run, name)!r} is not a plain absolute path")
    yield from _unfit_data(run)
    yield from _unfit_mounts(run)
    for name, value in run.environment.items():
        if not _VARIABLE.fullmatch(f"{name}={value}"):
            yield Finding(("environment", name), "an environment variable is NAME=one line of text")
    for name in run.secrets:
        if not _SECRET.fullmatch(name):
            yield Finding(("secrets",), f"{name!r} cannot be the name of a secret")
    if run.gpu_flag not in ("--nv", "--rocm", "none"):
        yield Finding(("container_gpu_flag",), f"{run.gpu_flag!r} is none of --nv, --rocm, none")


def is_plain_path(path: str) -> bool:
    """Whether a path could stand in a script."""
    return _PATH.fullmatch(path) is not None and ".." not in path.split("/")


def _unfit_data(run: RunPlan) -> Iterator[Finding]:
    for path in run.data_files:
        if not is_plain_path(path):
            yield Finding(("data_files",), f"{path!r} is not a plain absolute path")
    for name in run.archives:
        if not _ARCHIVE.fullmatch(name):
            yield Finding(("archives",), f"{name!r} cannot be the name of an archive")


def _unfit_mounts(run: RunPlan) -> Iterator[Finding]:
    for bind in run.binds:
        if not _BIND.fullmatch(bind):
            yield Finding(("binds",), f"{bind!r} is not a plain src[:dest[:ro|rw]]")
    for place in (*run.own_places, *([run.resume] if run.resume else [])):
        if not _OWN_PLACE.fullmatch(place) or ".." in place.split("/"):
            yield Finding(("own_places",), f"{place!r} is not a plain path beneath our folder")
