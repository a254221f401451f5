"""Nodes as the clusters page draws them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.clusters.nodes import GpuState, NodeState, gpu_counts, node_state, shown_node
from tuning.clusters.snapshot import Node
from tuning.jobs.queries.queue.node_use import OwnGpus


@pytest.mark.parametrize(
    ("said", "is_usable", "state"),
    [
        ("IDLE", True, NodeState.IDLE),
        ("MIXED", True, NodeState.PARTLY),
        ("ALLOCATED", True, NodeState.FULL),
        ("MIXED+DRAIN", False, NodeState.DRAINING),
        ("IDLE+DRAIN", False, NodeState.DRAINED),
        ("DRAINED", False, NodeState.DRAINED),
        ("DOWN*", False, NodeState.SILENT),
        ("IDLE*", False, NodeState.SILENT),
        ("DOWN", False, NodeState.DOWN),
        ("IDLE~", True, NodeState.OFF),
        ("IDLE+CLOUD+POWERED_DOWN", True, NodeState.OFF),
        ("MAINT", False, NodeState.MAINTENANCE),
        ("RESERVED", True, NodeState.RESERVED),
        ("IDLE", False, NodeState.DOWN),
        ("PERFCTRS", True, NodeState.OTHER),
        (None, True, NodeState.OTHER),
    ],
)
def test_slurms_words_become_a_state(said: str | None, is_usable: bool, state: NodeState) -> None:
    assert node_state(said, is_usable) is state


def counts(node: Node, own: OwnGpus) -> dict[GpuState, int]:
    return {state: count for state, count in gpu_counts([shown_node(node, own)]).items() if count}


def test_gpus_are_ours_others_and_free() -> None:
    node = Node("gpu1", state="MIXED", gpus=8, gpus_in_use=5)
    assert counts(node, OwnGpus(3, 3)) == {GpuState.OURS: 3, GpuState.OTHERS: 2, GpuState.FREE: 3}


def test_a_run_that_ended_since_leaves_its_gpus_free() -> None:
    node = Node("gpu1", state="MIXED", gpus=8, gpus_in_use=5)
    assert counts(node, OwnGpus(0, 5)) == {GpuState.FREE: 8}


def test_what_nobody_uses_of_a_node_that_is_down_is_not_free() -> None:
    node = Node("gpu1", state="DOWN", is_usable=False, gpus=4, gpus_in_use=0)
    assert counts(node, OwnGpus()) == {GpuState.DOWN: 4}


@given(st.integers(-2, 16), st.integers(-2, 20), st.integers(0, 20), st.integers(0, 20))
def test_stretches_fill_a_node_exactly(gpus: int, in_use: int, now: int, then: int) -> None:
    node = shown_node(Node("n", state="MIXED", gpus=gpus, gpus_in_use=in_use), OwnGpus(now, then))
    places = [place for each in node.stretches for place in range(each.start, each.start + each.gpus)]
    assert places == list(range(max(gpus, 0)))
