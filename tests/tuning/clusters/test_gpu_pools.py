"""Pools of GPUs: who shares nodes competes, and what is down or told wrongly does not count."""

from typing import Any

from tuning.clusters.gpu_pools import GpuPool, gpu_pools
from tuning.clusters.snapshot import Snapshot, read_snapshot


def snapshot(*nodes: dict[str, Any]) -> Snapshot:
    partitions = [{"name": "gpu", "is_default": True}, {"name": "long"}, {"name": "big"}]
    return read_snapshot({"partitions": partitions, "nodes": list(nodes)})


def node(name: str, *partitions: str, gpus: int = 4, in_use: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "partitions": list(partitions), "gpus": gpus, "gpus_in_use": in_use, **more}


def test_partitions_without_a_common_node_are_pools_of_their_own() -> None:
    found = gpu_pools(snapshot(node("a", "gpu", in_use=1), node("b", "big", gpus=8)), ["gpu", "big"])
    assert set(found) == {GpuPool(frozenset({"gpu"}), 4, 1), GpuPool(frozenset({"big"}), 8, 0)}


def test_partitions_that_share_a_node_are_one_pool_and_a_chain_too() -> None:
    nodes = (node("a", "gpu"), node("b", "gpu", "long"), node("c", "long"), node("d", "big"))
    found = gpu_pools(snapshot(*nodes), ["gpu", "long", "big", "long,big"])
    assert found == [GpuPool(frozenset({"gpu", "long", "big", "long,big"}), 16, 0)]


def test_without_a_word_a_job_asks_for_the_default() -> None:
    assert gpu_pools(snapshot(node("a", "gpu"), node("b", "big")), [""]) == [GpuPool(frozenset({""}), 4, 0)]


def test_a_node_that_is_down_counts_for_nothing() -> None:
    found = gpu_pools(snapshot(node("a", "gpu"), node("b", "gpu", is_usable=False)), ["gpu"])
    assert found == [GpuPool(frozenset({"gpu"}), 4, 0)]


def test_counts_that_cannot_be_are_bounded() -> None:
    found = gpu_pools(snapshot(node("a", "gpu", in_use=9), node("b", "gpu", gpus=-2, in_use=-1)), ["gpu"])
    assert found == [GpuPool(frozenset({"gpu"}), 4, 4)]
