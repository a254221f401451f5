"""Environment variables that people may give their runs: names for trackers, switches of NCCL and torch. Pure.

None of them names a file, a host or a program, carries a key, or sends a model anywhere; keys are secrets.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tuning.errors import Finding
from tuning.llamafactory.arguments.accepted import nearest

_LINE = r"[^\x00-\x1f\x7f]{0,500}"
_SWITCH = r"0|1|true|false|True|False"
_COUNT = r"[0-9]{1,6}"
_NAMES = r"[A-Za-z0-9_.:,^=-]{1,200}"
VARIABLES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "CLEARML_PROJECT", "CLEARML_TASK", "COMET_EXPERIMENT_NAME", "COMET_PROJECT_NAME", "COMET_WORKSPACE",
            "MLFLOW_EXPERIMENT_NAME", "NEPTUNE_PROJECT", "WANDB_ENTITY", "WANDB_JOB_TYPE", "WANDB_NAME", "WANDB_NOTES",
            "WANDB_PROJECT", "WANDB_RUN_GROUP", "WANDB_TAGS",
        ),
        _LINE,
    ),
    "WANDB_MODE": r"offline|disabled",
    "WANDB_WATCH": r"false|gradients|parameters|all",
    **dict.fromkeys(
        (
            "CUDA_LAUNCH_BLOCKING", "DISABLE_VERSION_CHECK", "NCCL_CUMEM_ENABLE", "NCCL_IB_DISABLE", "NCCL_NVLS_ENABLE",
            "NCCL_P2P_DISABLE", "NCCL_SHM_DISABLE", "NVIDIA_TF32_OVERRIDE", "RECORD_VRAM", "TOKENIZERS_PARALLELISM",
            "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE", "TORCH_NCCL_ASYNC_ERROR_HANDLING",
            "TORCH_NCCL_AVOID_RECORD_STREAMS", "TORCH_NCCL_BLOCKING_WAIT", "TORCH_NCCL_ENABLE_MONITORING",
            "WANDB_DISABLED",
        ),
        _SWITCH,
    ),
    **dict.fromkeys(
        (
            "CUDA_DEVICE_MAX_CONNECTIONS", "MKL_NUM_THREADS", "NCCL_BUFFSIZE", "NCCL_IB_GID_INDEX", "NCCL_IB_TIMEOUT",
            "NCCL_MIN_NCHANNELS", "NCCL_NSOCKS_PERTHREAD", "NCCL_SOCKET_NTHREADS", "OMP_NUM_THREADS", "PYTHONHASHSEED",
            "TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC", "TORCH_NCCL_TRACE_BUFFER_SIZE",
        ),
        _COUNT,
    ),
    **dict.fromkeys(
        ("GLOO_SOCKET_IFNAME", "NCCL_ALGO", "NCCL_DEBUG_SUBSYS", "NCCL_IB_HCA", "NCCL_NET_GDR_LEVEL", "NCCL_P2P_LEVEL",
         "NCCL_PROTO", "NCCL_SOCKET_IFNAME"),
        _NAMES,
    ),
    "CUBLAS_WORKSPACE_CONFIG": r":[0-9]{1,6}:[0-9]{1,3}",
    "LLAMAFACTORY_VERBOSITY": r"DEBUG|INFO|WARN|WARNING|ERROR",
    "NCCL_DEBUG": r"VERSION|WARN|INFO|TRACE",
    "PYTORCH_ALLOC_CONF": _NAMES,
    "PYTORCH_CUDA_ALLOC_CONF": _NAMES,
    "TORCH_CPP_LOG_LEVEL": r"INFO|WARNING|ERROR",
    "TORCH_DISTRIBUTED_DEBUG": r"OFF|INFO|DETAIL",
    "TRANSFORMERS_VERBOSITY": r"debug|info|warning|error|critical",
}  # fmt: skip
"""By name, what each may be."""
_KEY = re.compile(r"(?i)(token|key|secret|passw)")


def check_environment(given: Mapping[str, str], operator: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about variables that a job is to have; those of `operator` are laid over them on its cluster."""
    for name, value in given.items():
        loc = ("environment", name)
        if name not in VARIABLES:
            yield Finding(loc, f"the variable {name[:80]} cannot be given to a run", _what_can(name))
        elif not re.fullmatch(VARIABLES[name], value):
            yield Finding(loc, f"{name} does not have a value that it may have", f"it must match {VARIABLES[name]}")
        elif operator.get(name, value) != value:
            yield Finding(loc, f"{name} is set by the operator on this cluster", "it can be left out", "warning")


def is_taken(name: str, value: str) -> bool:
    """Whether a run may have this variable with this value."""
    return name in VARIABLES and re.fullmatch(VARIABLES[name], value) is not None


def tracking_environment(job_id: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Variables that make the attempts of a job one run of W&B, where it is tracked there."""
    reporters = config.get("report_to")
    named = [reporters] if isinstance(reporters, str) else reporters or []
    return {"WANDB_RUN_ID": job_id, "WANDB_RESUME": "allow"} if {"wandb", "all"} & {*named} else {}


def _what_can(name: str) -> str:
    if name.startswith(("WANDB_RUN_ID", "WANDB_RESUME", "WANDB_DIR")):
        return "packtrain sets it, so that the attempts of a job are one run of W&B"
    if _KEY.search(name):
        return f"keep it as a secret (`packtrain secrets set {name[:80]}`) and name it in secrets"
    near = nearest(name, frozenset(VARIABLES))
    return f"did you mean {near}?" if near else f"these can: {', '.join(sorted(VARIABLES))}"
