"""Nodes as the page draws them: their state in a word, and their GPUs in stretches of ours, others' and free. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tuning.clusters.snapshot import Node
from tuning.jobs.queries.queue.node_use import OwnGpus


class NodeState(StrEnum):
    """State of a node, as people need it."""

    IDLE = "idle"
    PARTLY = "partly"
    FULL = "full"
    DRAINING = "draining"
    """Its jobs go on to their ends, and it gets no new ones."""
    DRAINED = "drained"
    MAINTENANCE = "maintenance"
    RESERVED = "reserved"
    SILENT = "silent"
    DOWN = "down"
    OFF = "off"
    OTHER = "other"


class GpuState(StrEnum):
    """State of a GPU."""

    OURS = "ours"
    OTHERS = "others"
    FREE = "free"
    DOWN = "down"


@dataclass(frozen=True)
class Stretch:
    """GPUs of a node side by side that are in the same state."""

    state: GpuState
    start: int
    gpus: int


@dataclass(frozen=True)
class ShownNode:
    """A node with its GPUs."""

    name: str
    state: NodeState
    said: str
    """Slurm's own words."""
    partitions: Sequence[str]
    gpu_types: Mapping[str, int]
    gpus: int
    stretches: Sequence[Stretch]

    def count(self, state: GpuState) -> int:
        """Number of its GPUs in a state."""
        return sum(stretch.gpus for stretch in self.stretches if stretch.state is state)


_WORDS: tuple[tuple[NodeState, frozenset[str]], ...] = (
    (NodeState.OFF, frozenset({"powered_down", "powering_down", "power_down", "powering_up", "power_up"})),
    (NodeState.DOWN, frozenset({"down", "fail", "failing", "error", "future", "invalid_reg"})),
    (NodeState.SILENT, frozenset({"not_responding", "no_respond", "unknown", "reboot_issued", "reboot"})),
    (NodeState.DRAINING, frozenset({"draining", "drng"})),
    (NodeState.DRAINED, frozenset({"drained"})),
    (NodeState.MAINTENANCE, frozenset({"maint", "maintenance"})),
    (NodeState.RESERVED, frozenset({"reserved", "resv", "planned"})),
    (NodeState.FULL, frozenset({"allocated", "alloc", "completing", "comp"})),
    (NodeState.PARTLY, frozenset({"mixed", "mix"})),
    (NodeState.IDLE, frozenset({"idle"})),
)
"""The first that Slurm names is told."""
_BUSY = frozenset({"allocated", "alloc", "mixed", "mix", "completing", "comp"})
_MARK_SILENT, _MARK_OFF = "*", "~#!%"


def node_state(said: str | None, is_usable: bool) -> NodeState:
    """State by Slurm's words: `MIXED+DRAIN`, `DOWN*`, `idle~`."""
    text = (said or "").lower()
    words = frozenset(re.findall(r"[a-z_]+", text))
    if _MARK_SILENT in text:
        return NodeState.SILENT
    if set(text) & set(_MARK_OFF):
        return NodeState.OFF
    if "drain" in words:
        return NodeState.DRAINING if words & _BUSY else NodeState.DRAINED
    found = next((state for state, names in _WORDS if words & names), NodeState.OTHER)
    return found if is_usable or found not in (NodeState.IDLE, NodeState.PARTLY, NodeState.FULL) else NodeState.DOWN


def shown_node(node: Node, own: OwnGpus) -> ShownNode:
    """A node; what was in use when it described itself and was not ours, is taken to be so still."""
    return ShownNode(
        name=node.name,
        state=node_state(node.state, node.is_usable),
        said=node.state or "",
        partitions=node.partitions,
        gpu_types=node.gpu_types,
        gpus=max(node.gpus, 0),
        stretches=list(_stretches(node, own)),
    )


def gpu_counts(nodes: Iterable[ShownNode]) -> Mapping[GpuState, int]:
    """Numbers of GPUs in each state."""
    counts = Counter[GpuState]()
    for node in nodes:
        for stretch in node.stretches:
            counts[stretch.state] += stretch.gpus
    return {state: counts[state] for state in GpuState}


def _stretches(node: Node, own: OwnGpus) -> Iterable[Stretch]:
    gpus = max(node.gpus, 0)
    ours = min(own.now, gpus)
    others = min(max(node.gpus_in_use - own.then, 0), gpus - ours)
    rest = GpuState.FREE if node.is_usable else GpuState.DOWN
    start = 0
    for state, count in ((GpuState.OURS, ours), (GpuState.OTHERS, others), (rest, gpus - ours - others)):
        if count:
            yield Stretch(state, start, count)
        start += count
