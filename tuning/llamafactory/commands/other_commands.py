"""Commands around a training, which are not run: why they are not needed, or what to do in their place. Pure."""

import re
from collections.abc import Mapping

from tuning.llamafactory.environment import VARIABLES

_IMAGE = "the training image holds what a run needs"
_SECRET = "keep the key with `packtrain secrets set NAME`, and name it with --secret"  # noqa: S105 - a sentence
_COPIES = "upload data with `packtrain datasets upload`; models lie on the cluster"
_SHOWN = "packtrain shows the run's logs and progress"

_OWN_SCRIPT = "packtrain's own batch script sees to it"
_GROUPS = (
    (_IMAGE, ("module", "ml", "conda", "mamba", "source", ".", "pip", "pip3", "uv", "spack")),
    (_SHOWN, ("echo", "printf", "date", "hostname", "nvidia-smi", "env", "which", "pwd", "ls", "cat", "tee", "free")),
    (_SHOWN, ("df", "uname", "whoami", "lscpu", "squeue", "scontrol", "sacct", "tail", "head")),
    ("a job has a folder of its own", ("cd", "pushd", "popd", "mkdir")),
    (_OWN_SCRIPT, ("set", "shopt", "ulimit", "umask", "trap", "wait", "sleep", "exit", "true", ":", "return")),
    (_SECRET, ("wandb", "huggingface-cli", "hf", "modelscope")),
    (_COPIES, ("git", "wget", "curl", "scp", "rsync", "cp", "mv", "ln", "tar", "unzip")),
    ("nothing of yours is removed", ("rm",)),
    ("it decides nothing that is read", ("[", "[[", "test")),
)
_REASONS: Mapping[str, str] = {program: reason for reason, programs in _GROUPS for program in programs}
_UNKNOWN = "packtrain runs LLaMA-Factory alone: leave it out, or do it before"

_LAUNCHERS_VARIABLES = frozenset(
    ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NPROC_PER_NODE", "NNODES", "FORCE_TORCHRUN", "NODE_RANK", "RANK",
     "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
)  # fmt: skip
"""Variables that are read as resources, or that the batch script sets by itself."""
_KEY = re.compile(r"(?i)(token|api_?key|secret|passw)")
_DISPLAYED = re.compile(r"[\w.:/@+\[-]{1,40}")


def why_not_run(program: str) -> str:
    """Reason that a command is not run, or advice on what to do in its place."""
    return _REASONS.get(program, _UNKNOWN)


def displayed(program: str) -> str:
    """A command's name as it can be shown; of its words nothing is shown, since they may hold keys."""
    return program if _DISPLAYED.fullmatch(program) else "this command"


def about_variable(name: str) -> tuple[str, str] | None:
    """Message and hint on an exported variable; None for those of launchers, and those that a run may have."""
    if name in _LAUNCHERS_VARIABLES or name in VARIABLES:
        return None
    hint = _SECRET if _KEY.search(name) else "the operator of the cluster sets the environment of runs"
    return f"the variable {name[:80]} is not handed to the run", hint
