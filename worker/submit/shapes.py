"""Nodes of the shape that a job asks for, by the cluster's own last description. Pure."""

from collections.abc import Mapping
from typing import Any

from tuning.clusters.snapshot import Node, Snapshot, nodes_for

_MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0}


def has_nodes_for(snapshot: Snapshot, resources: Mapping[str, Any]) -> bool:
    """Whether enough nodes of the partition are large enough, drained ones too; False where that cannot be told."""
    if resources.get("constraint") or resources.get("exclude"):
        return False
    return len(_large_enough(snapshot, resources)) >= (resources.get("nodes") or 1)


def usable_nodes(snapshot: Snapshot, resources: Mapping[str, Any]) -> dict[str, bool]:
    """The nodes that could run a job, and whether Slurm gives them out now; none where that cannot be told."""
    excluded = resources.get("exclude") or ""
    if resources.get("constraint") or "nodelist" in (resources.get("options") or {}) or "[" in excluded:
        return {}
    own = excluded.split(",")
    return {node.name: node.is_usable for node in _large_enough(snapshot, resources) if node.name not in own}


def _large_enough(snapshot: Snapshot, resources: Mapping[str, Any]) -> list[Node]:
    nodes = nodes_for(snapshot, resources.get("partition"))
    return [node for node in nodes if _is_large_enough(node, resources)]


def _is_large_enough(node: Node, resources: Mapping[str, Any]) -> bool:
    gpus = resources.get("gpus_per_node") or 0
    cpus = (resources.get("cpus_per_gpu") or 1) * max(gpus, 1)
    gpu_type = resources.get("gpu_type")
    has_gpus = (node.gpus if gpu_type is None else node.gpu_types.get(gpu_type, 0)) >= gpus
    return has_gpus and node.cpus >= cpus and node.memory_mb >= _megabytes(resources)


def _megabytes(resources: Mapping[str, Any]) -> float:
    """As `sbatch --mem` reads it."""
    text = str(resources.get("memory") or "0")
    number, unit = (text[:-1], text[-1]) if text[-1] in _MEGABYTES else (text, "M")
    return int(number) * _MEGABYTES[unit]
