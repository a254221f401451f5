"""Pools of GPUs: the nodes that jobs of the same partitions, or of overlapping ones, compete for. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuning.clusters.snapshot import Node, Snapshot, nodes_for


@dataclass(frozen=True, slots=True)
class GpuPool:
    """GPUs of usable nodes, for which the jobs of these partitions compete."""

    partitions: frozenset[str]
    """As jobs ask for them: `a`, `a,b`; empty = Slurm's default."""
    gpus: int
    gpus_in_use: int
    """By anybody, as the cluster last said."""


def gpu_pools(snapshot: Snapshot, asked: Iterable[str]) -> list[GpuPool]:
    """The pools of jobs that ask for these partitions: who shares a node shares a pool. None has no usable node."""
    pools: list[tuple[set[str], dict[str, Node]]] = []
    for partitions in sorted(set(asked)):
        names, nodes = {partitions}, {node.name: node for node in nodes_for(snapshot, partitions) if node.is_usable}
        apart = []
        for other_names, other_nodes in pools:
            if nodes.keys() & other_nodes.keys():
                names |= other_names
                nodes |= other_nodes
            else:
                apart.append((other_names, other_nodes))
        pools = [*apart, (names, nodes)]
    return [_pool(names, nodes) for names, nodes in pools if nodes]


def _pool(names: Iterable[str], nodes: Mapping[str, Node]) -> GpuPool:
    gpus = sum(max(node.gpus, 0) for node in nodes.values())
    in_use = sum(min(max(node.gpus_in_use, 0), max(node.gpus, 0)) for node in nodes.values())
    return GpuPool(frozenset(names), gpus, in_use)
