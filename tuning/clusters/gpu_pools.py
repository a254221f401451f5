"""Pools of GPUs: the nodes that jobs of the same partitions, or of overlapping ones, compete for. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tuning.clusters.node_names import node_names
from tuning.clusters.snapshot import Node, Snapshot, nodes_for


@dataclass(frozen=True, slots=True)
class GpuPool:
    """GPUs of usable nodes, for which the jobs of these partitions compete."""

    partitions: frozenset[str]
    """As jobs ask for them: `a`, `a,b`; empty = Slurm's default."""
    gpus: int
    gpus_in_use: int
    """By anybody, as the cluster last said."""
    types: Mapping[str, int] = field(default_factory=dict, hash=False)
    """GPUs of each type; empty where all, those of nodes that are down too, are of a single type, or none is named."""
    types_in_use: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Likewise in use; those whose type is not known count for each type that they may be of."""
    type_of_node: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of nodes whose GPUs are all of a single type."""

    def type_of(self, asked: str | None, nodes: str | None) -> str | None:
        """The type of a run's GPUs: that which it asked for, else that of its nodes; None where it is not known."""
        if asked in self.types:
            return asked
        found = {self.type_of_node.get(name) for name in node_names(nodes or "")}
        return found.pop() if len(found) == 1 else None


def gpu_pools(snapshot: Snapshot, asked: Iterable[str]) -> list[GpuPool]:
    """The pools of jobs that ask for these partitions: who shares a node shares a pool. None has no usable node."""
    known = {partitions: nodes_for(snapshot, partitions) for partitions in set(asked)}
    pools: list[tuple[set[str], dict[str, Node]]] = []
    for partitions in sorted(known):
        names, nodes = {partitions}, {node.name: node for node in known[partitions] if node.is_usable}
        apart = []
        for other_names, other_nodes in pools:
            if nodes.keys() & other_nodes.keys():
                names |= other_names
                nodes |= other_nodes
            else:
                apart.append((other_names, other_nodes))
        pools = [*apart, (names, nodes)]
    return [
        _pool(names, list(nodes.values()), [node for name in names for node in known[name]])
        for names, nodes in pools
        if nodes
    ]


def _pool(names: Iterable[str], usable: Sequence[Node], nodes: Iterable[Node]) -> GpuPool:
    """`nodes` are those that are down, too."""
    gpus = sum(max(node.gpus, 0) for node in usable)
    in_use = sum(min(max(node.gpus_in_use, 0), max(node.gpus, 0)) for node in usable)
    kinds = {kind for node in nodes for kind in _kinds(node)}
    if len(kinds) < 2:
        return GpuPool(frozenset(names), gpus, in_use)
    types = Counter({kind: 0 for kind in kinds if kind is not None})
    types_in_use = types.copy()
    for node in usable:
        types.update(node.gpu_types)
        types_in_use.update(_types_in_use(node))
    type_of_node = {
        node.name: next(iter(node.gpu_types)) for node in usable if len(_kinds(node)) == 1 and node.gpu_types
    }
    return GpuPool(frozenset(names), gpus, in_use, dict(types), dict(types_in_use), type_of_node)


def _kinds(node: Node) -> set[str | None]:
    """Types of a node's GPUs; None stands for those without a name."""
    unnamed: set[str | None] = {None} if node.gpus > sum(node.gpu_types.values()) else set()
    return unnamed | node.gpu_types.keys()


def _types_in_use(node: Node) -> dict[str, int]:
    unnamed = max(node.gpus_in_use - sum(node.gpu_types_in_use.values()), 0)
    return {
        name: min(max(node.gpu_types_in_use.get(name, 0), 0) + unnamed, count) for name, count in node.gpu_types.items()
    }
