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


def one_pool(*nodes: dict[str, Any]) -> GpuPool:
    (found,) = gpu_pools(snapshot(*nodes), ["gpu"])
    return found


A = node("a", "gpu", in_use=1, gpu_types={"a100": 4})
V = node("v", "gpu", gpus=8, in_use=3, gpu_types={"v100": 8})


def test_gpus_of_a_pool_with_several_types_are_counted_by_type() -> None:
    found = one_pool(A, V)
    assert (found.gpus, found.gpus_in_use) == (12, 4)
    assert (found.types, found.types_in_use) == ({"a100": 4, "v100": 8}, {"a100": 1, "v100": 3})


def test_types_are_not_told_apart_where_there_is_but_one_or_none() -> None:
    assert one_pool(A, node("b", "gpu", gpu_types={"a100": 4})) == GpuPool(frozenset({"gpu"}), 8, 1)
    assert one_pool(node("a", "gpu"), node("b", "gpu", gpus=0)).types == {}


def test_a_type_whose_nodes_are_all_down_has_no_gpus() -> None:
    assert one_pool(A, {**V, "is_usable": False}).types == {"a100": 4, "v100": 0}


def test_gpus_without_a_type_count_in_the_total_alone() -> None:
    found = one_pool(A, node("b", "gpu", in_use=2))
    assert (found.gpus, found.types, found.types_in_use) == (8, {"a100": 4}, {"a100": 1})


def test_use_of_a_node_with_several_types_counts_by_their_names_and_else_against_each() -> None:
    mixed: dict[str, Any] = {"gpus": 9, "in_use": 4, "gpu_types": {"a100": 2, "1g.10gb": 7}}
    named = one_pool(node("m", "gpu", **mixed, gpu_types_in_use={"a100": 1, "1g.10gb": 3}))
    assert named.types_in_use == {"a100": 1, "1g.10gb": 3}
    partly = one_pool(node("m", "gpu", **mixed, gpu_types_in_use={"1g.10gb": 1}))
    assert partly.types_in_use == {"a100": 2, "1g.10gb": 4}


def test_a_run_is_of_the_type_that_it_asked_for_or_of_that_of_its_nodes() -> None:
    found = one_pool(A, V, node("m", "gpu", gpu_types={"a100": 2, "v100": 2}))
    assert found.type_of("v100", "a") == "v100"
    assert found.type_of(None, "a") == "a100"
    assert found.type_of(None, "a,v") is None
    assert [found.type_of(asked, nodes) for asked, nodes in ((None, "m"), (None, None), ("t4", "gone"))] == [None] * 3
