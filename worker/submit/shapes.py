"""Nodes of the shape that a job asks for, by the cluster's own last description. Pure."""

from collections.abc import Mapping
from typing import Any

from tuning.clusters.snapshot import Node, Snapshot

_MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0}


def has_nodes_for(snapshot: Snapshot, resources: Mapping[str, Any]) -> bool:
    """Whether enough nodes of the partition are large enough, drained ones too; False where that cannot be told."""
    if resources.get("constraint") or resources.get("exclude"):
        return False
    partition = resources.get("partition") or next((each.name for each in snapshot.partitions if each.is_default), None)
    large_enough = [
        each for each in snapshot.nodes if partition in each.partitions and _is_large_enough(each, resources)
    ]
    return len(large_enough) >= (resources.get("nodes") or 1)


def _is_large_enough(node: Node, resources: Mapping[str, Any]) -> bool:
    gpus = resources.get("gpus_per_node") or 0
    cpus = (resources.get("cpus_per_gpu") or 1) * max(gpus, 1)
    has_type = not gpus or resources.get("gpu_type") in (None, node.gpu_type)
    return node.gpus >= gpus and has_type and node.cpus >= cpus and node.memory_mb >= _megabytes(resources)


def _megabytes(resources: Mapping[str, Any]) -> float:
    """As `sbatch --mem` reads it."""
    text = str(resources.get("memory") or "0")
    number, unit = (text[:-1], text[-1]) if text[-1] in _MEGABYTES else (text, "M")
    return int(number) * _MEGABYTES[unit]
