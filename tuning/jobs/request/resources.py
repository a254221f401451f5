"""Resources of a job: completed with the cluster's defaults, and held to its own description. Pure."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuning.errors import Finding
from tuning.jobs.request.spec import Resources
from tuning.jobs.request.time_limit import format_seconds, parse_time_limit
from tuning.llamafactory.config.model_size import ModelShape
from tuning.llamafactory.model_files.config_json import ModelConfig
from tuning.llamafactory.model_files.described import ModelFiles
from tuning.settings import ANY_GPU, ClusterSettings
from tuning.site_settings import is_option

_FROM_DEFAULTS = (
    "partition",
    "account",
    "qos",
    "nodes",
    "gpus_per_node",
    "cpus_per_gpu",
    "memory",
    "time_limit",
)
_OF_THE_PARTITION = ("gpu_type", "constraint")
"""Defaults that another partition than the default may not have."""


@dataclass(frozen=True)
class PartitionView:
    """A partition as its cluster last described it."""

    nodes: int
    gpus_per_node: int
    """Of its largest node."""
    gpu_types: Mapping[str, int] = field(default_factory=dict)
    """The most GPUs of each type that a node has."""
    max_seconds: int | None = None
    """None = unlimited."""


@dataclass(frozen=True)
class ClusterView:
    """A cluster as it last described itself; requests are checked against it."""

    partitions: Mapping[str, PartitionView] = field(default_factory=dict)
    """Empty = not known."""
    default_partition: str | None = None
    datasets: Mapping[str, Mapping[str, Any]] | None = None
    """Entries of the LLaMA-Factory checkout's dataset_info.json, by name; None = not known."""
    models: Mapping[str, ModelShape] = field(default_factory=dict)
    """The shapes of models of the catalogue, by path."""
    model_configs: Mapping[str, ModelConfig] = field(default_factory=dict)
    """Their config.json, likewise."""
    model_files: Mapping[str, ModelFiles] = field(default_factory=dict)
    """Further files of their folders, likewise."""
    models_with_code: frozenset[str] = frozenset()
    """The paths of models of the catalogue that do not load without code of their own."""


UNKNOWN_CLUSTER = ClusterView()
"""Nothing is known yet: nothing can be checked."""


def complete_resources(asked: Resources, cluster: ClusterSettings, view: ClusterView) -> Resources:
    """The request with the cluster's defaults where it is silent.

    A default time limit that is longer than the partition allows is cut to that; one that was asked for is not.
    """
    names = _FROM_DEFAULTS if asked.partition else (*_FROM_DEFAULTS, *_OF_THE_PARTITION)
    silent = [name for name in names if getattr(asked, name) is None]
    defaults = {name: getattr(cluster.defaults, name) for name in silent}
    completed = asked.model_copy(update={**defaults, "cluster": cluster.name})
    limits = [known.max_seconds for known in _partitions(completed, view).values() if known is not None]
    allowed = [seconds for seconds in limits if seconds is not None]
    if asked.time_limit is None and allowed:
        seconds = min(parse_time_limit(cluster.defaults.time_limit), *allowed)
        return completed.model_copy(update={"time_limit": format_seconds(seconds)})
    return completed


def world_size(resources: Mapping[str, Any]) -> int:
    """Number of processes that train together: one a GPU, and one a node where there are none."""
    return max(1, resources.get("nodes") or 1) * max(1, resources.get("gpus_per_node") or 0)


def measures(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a job's row by its completed resources: partition, GPUs of all its nodes, seconds of its limit."""
    time_limit = resources.get("time_limit")
    return {
        "partition": resources.get("partition") or "",
        "gpus": (resources.get("nodes") or 1) * (resources.get("gpus_per_node") or 0),
        "limit_seconds": parse_time_limit(time_limit) if time_limit else 0,
    }


def check_resources(resources: Resources, view: ClusterView, *, slurm_knows_gpus: bool = True) -> list[Finding]:
    """Findings of resources that the cluster could never give: of several partitions one is enough."""
    if not view.partitions:
        return []
    found = []
    for name, partition in _partitions(resources, view).items():
        alone = resources.model_copy(update={"partition": name})
        if partition is None:
            return list(_unknown_partition(alone, view))
        found.append(_beyond(alone, partition, slurm_knows_gpus=slurm_knows_gpus))
    return min(found, key=len)


def check_options(options: Mapping[str, bool | int | str] | None, cluster: ClusterSettings) -> Iterator[Finding]:
    """Findings about options of sbatch that a job is to have."""
    for name, value in (options or {}).items():
        loc = ("resources", "options", name)
        if name not in cluster.job_options:
            allowed = ", ".join(sorted(cluster.job_options)) or "none: its operator would have to name it (job_options)"
            yield Finding(loc, f"jobs of {cluster.name} may not have the option {name}", f"what they may: {allowed}")
        elif not is_option(name, value):
            yield Finding(loc, f"{value!r:.100} is not something that sbatch takes as --{name}", "see sbatch(1)")
        elif name in cluster.sbatch_options:
            yield Finding(loc, f"--{name} is set by the operator on this cluster", "leave it out", "warning")


def _beyond(resources: Resources, partition: PartitionView, *, slurm_knows_gpus: bool) -> list[Finding]:
    gpus = [*_too_many_gpus(resources, partition)] if slurm_knows_gpus else []
    types = [*_unknown_type(resources, partition)] if slurm_knows_gpus else []
    return [*_too_long(resources, partition), *gpus, *_too_many_nodes(resources, partition), *types]


def gpu_type(resources: Resources, view: ClusterView) -> str | None:
    """Slurm's word for the GPUs of the request, where it says one, or its partition has one kind only."""
    partition = next(iter(_partitions(resources, view).values()))
    types = list(partition.gpu_types) if partition is not None else []
    return resources.gpu_type or (types[0] if len(types) == 1 else None)


def gpu_memory_bytes(resources: Resources, cluster: ClusterSettings, view: ClusterView) -> int | None:
    """Memory of one GPU of the request, where the operator has stated it for its type, or for all; else None."""
    known = cluster.gpu_memory_gb.get(gpu_type(resources, view) or ANY_GPU, cluster.gpu_memory_gb.get(ANY_GPU))
    return round(known * 2**30) if known is not None else None


def _partitions(resources: Resources, view: ClusterView) -> dict[str | None, PartitionView | None]:
    """Those that a job may start in, as they are known; None is the default one."""
    names = resources.partition.split(",") if resources.partition else [None]
    return {name: view.partitions.get(name or view.default_partition or "") for name in names}


def _unknown_partition(resources: Resources, view: ClusterView) -> Iterator[Finding]:
    known = ", ".join(sorted(view.partitions))
    loc = ("resources", "partition")
    if resources.partition is None:
        yield Finding(loc, f"{resources.cluster} has no default partition", f"give one of: {known}")
        return
    near = difflib.get_close_matches(resources.partition, view.partitions, n=1)
    hint = f"did you mean {near[0]}?" if near else f"its partitions are: {known}"
    yield Finding(loc, f"{resources.cluster} has no partition {resources.partition}", hint)


def _too_long(resources: Resources, partition: PartitionView) -> Iterator[Finding]:
    if resources.time_limit is None or partition.max_seconds is None:
        return
    if parse_time_limit(resources.time_limit) > partition.max_seconds:
        message = f"the time limit {resources.time_limit} is longer than {_name(resources)} allows"
        yield Finding(("resources", "time_limit"), message, f"at most {format_seconds(partition.max_seconds)}")


def _too_many_gpus(resources: Resources, partition: PartitionView) -> Iterator[Finding]:
    wanted = resources.gpus_per_node or 0
    most = partition.gpu_types.get(resources.gpu_type or "", partition.gpus_per_node)
    if wanted > most:
        of_type = f" of type {resources.gpu_type}" if resources.gpu_type in partition.gpu_types else ""
        message = f"no node of {_name(resources)} has {wanted} GPUs{of_type}: the largest has {most}"
        yield Finding(("resources", "gpus_per_node"), message, "ask for fewer per node, on more nodes")


def _too_many_nodes(resources: Resources, partition: PartitionView) -> Iterator[Finding]:
    if (resources.nodes or 1) > partition.nodes:
        message = f"{_name(resources)} has {partition.nodes} nodes, not {resources.nodes}"
        yield Finding(("resources", "nodes"), message, "ask for fewer nodes")


def _unknown_type(resources: Resources, partition: PartitionView) -> Iterator[Finding]:
    if resources.gpu_type is not None and resources.gpu_type not in partition.gpu_types:
        known = ", ".join(sorted(partition.gpu_types)) or "none that Slurm names"
        message = f"{_name(resources)} has no GPUs of type {resources.gpu_type}"
        yield Finding(("resources", "gpu_type"), message, f"its types are: {known}")


def _name(resources: Resources) -> str:
    return f"the partition {resources.partition}" if resources.partition else "the default partition"
