"""Nodes and GPUs that a launch is for: by its launcher's options, its environment, and Slurm's. Pure."""

import re
from collections.abc import Mapping

from tuning.errors import InvalidInput
from tuning.llamafactory.commands.launchers import Launch
from tuning.llamafactory.commands.slurm_options import Asked, Remark, SlurmRequest
from tuning.llamafactory.commands.variables import is_read, left_open
from tuning.llamafactory.commands.written_files import Lookup
from tuning.llamafactory.config.yaml_text import parse_yaml

_NUMBER = re.compile(r"(?P<least>[0-9]{1,5})(?::[0-9]{1,5})?")
_DEVICES = re.compile(r"(?:[0-9]{1,3}|(?:GPU|MIG)-[\w-]{1,60})(?:,(?:[0-9]{1,3}|(?:GPU|MIG)-[\w-]{1,60}))*")
_ALL = frozenset({"", "gpu", "auto"})
"""Values that mean all GPUs there are, as packtrain has it anyway."""
_UNREAD_BEFORE = "the cluster's default holds: give it with the request, or set the variable in the text"


def take_counts(
    launch: Launch, environment: Mapping[str, str], request: SlurmRequest, line: int, lookup: Lookup
) -> None:
    """Lay what the launch says over what the options of Slurm say: a training on fewer GPUs is another training."""
    options = {**_file_options(launch, lookup, request, line), **launch.options}
    nodes = _number(_first(options, "nnodes", "num_machines", "num_nodes") or environment.get("NNODES"), request, line)
    if nodes:
        _settle("nodes", nodes, request, line)
    per_node = _number(_first(options, "nproc_per_node", "num_gpus"), request, line)
    per_node = per_node or _included(options) or _share(_number(options.get("num_processes"), request, line), request)
    per_node = per_node or _number(environment.get("NPROC_PER_NODE"), request, line) or _visible(environment)
    if per_node:
        _settle("gpus_per_node", per_node, request, line)
    _tell_of_sharding(options, request, line)


def _file_options(launch: Launch, lookup: Lookup, request: SlurmRequest, line: int) -> dict[str, str]:
    """Those of the file that `accelerate launch --config_file` names."""
    name = launch.options.get("config_file") if launch.launcher == "accelerate" else None
    if not name:
        return {}
    file = lookup(name)
    try:
        values = parse_yaml(file.text) if file is not None else None
    except InvalidInput:
        values = None
    if values is None:
        message = "accelerate's configuration file is not read, as it is not given or no YAML"
        request.remarks.append(Remark(line, message, "say with the request how many GPUs it has (--gpus, --nodes)"))
        return {}
    has_sharding = str(values.get("distributed_type", "")).upper() in ("FSDP", "DEEPSPEED")
    sharding = {"use_deepspeed": ""} if has_sharding and "deepspeed" not in launch.arguments else {}
    counts = {key: str(values[key]) for key in values if key in ("num_processes", "num_machines")}
    return {**counts, **sharding}


def _tell_of_sharding(options: Mapping[str, str], request: SlurmRequest, line: int) -> None:
    if any(name in ("use_deepspeed", "use_fsdp", "deepspeed_config_file") for name in options):
        message = "what accelerate is told of DeepSpeed or FSDP is not taken over"
        hint = "give the configuration `deepspeed: zero2` or `deepspeed: zero3`, or the arguments fsdp and fsdp_config"
        request.remarks.append(Remark(line, message, hint))


def _first(options: Mapping[str, str], *names: str) -> str | None:
    return next((options[name] for name in names if name in options), None)


def _number(text: str | None, request: SlurmRequest, line: int) -> int | None:
    if text is None or text in _ALL:
        return None
    if found := _NUMBER.fullmatch(text):
        return int(found["least"])
    if not is_read(text) and left_open(text).startswith("$SLURM_"):
        return None  # what Slurm gives: the job has it anyway
    shown = left_open(text) if not is_read(text) else f"`{text[:40]}`"
    request.remarks.append(Remark(line, f"{shown} is no number of GPUs or nodes that can be read", _UNREAD_BEFORE))
    return None


def _included(options: Mapping[str, str]) -> int | None:
    """`deepspeed --include localhost:0,1`: GPUs of one node."""
    host, colon, devices = options.get("include", "").partition(":")
    return len(devices.split(",")) if colon and "@" not in host and _DEVICES.fullmatch(devices) else None


def _share(processes: int | None, request: SlurmRequest) -> int | None:
    """accelerate counts the processes of all machines."""
    nodes = request.resources.get("nodes")
    return -(-processes // max(1, int(nodes.value) if nodes else 1)) if processes else None


def _visible(environment: Mapping[str, str]) -> int | None:
    devices = environment.get("CUDA_VISIBLE_DEVICES", "")
    return len(devices.split(",")) if _DEVICES.fullmatch(devices) else None


def _settle(name: str, value: int, request: SlurmRequest, line: int) -> None:
    asked = request.resources.get(name)
    if asked is not None and asked.value != value:
        message = (
            f"the launcher's number of {'GPUs on a node' if name == 'gpus_per_node' else 'nodes'} is taken, {value}"
        )
        request.remarks.append(
            Remark(line, f"{message}, and not {asked.value}, as Slurm is asked on line {asked.line}")
        )
    request.resources[name] = Asked(line, value)
