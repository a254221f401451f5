"""Use of GPUs: ours by what runs now, others' by the cluster's description, less what of ours has ended since."""

from datetime import timedelta

from tests.factories import NOON
from tests.tuning.jobs.queries.running_rows import running
from tuning.clusters.snapshot import Node, Snapshot
from tuning.jobs.queries.queue.gpu_use import GpuUse, gpu_uses

NODES = (Node("n1", ("gpu",), gpus=8, gpus_in_use=6), Node("n2", ("gpu", "long"), gpus=8), Node("n3", ("big",), gpus=4))


def use(partition: str, *, given_back: dict[str, int] | None = None, nodes: tuple[Node, ...] = NODES) -> GpuUse | None:
    told_at = NOON - timedelta(seconds=30)
    found = gpu_uses(Snapshot(nodes=nodes), told_at, [running(4)], given_back or {}, {partition})
    return next((each for each in found if partition in each.partitions), None)


def test_jobs_of_partitions_that_share_a_node_compete() -> None:
    found = use("long")
    assert found is not None
    assert found.partitions == {"gpu", "long"}
    assert (found.gpus, found.others_gpus, found.free_gpus) == (16, 2, 10)


def test_gpus_that_our_ended_runs_gave_back_are_free() -> None:
    found = use("gpu", given_back={"gpu": 2})
    assert found is not None
    assert (found.others_gpus, found.free_gpus) == (0, 12)


def test_of_partitions_without_usable_nodes_no_use_is_known() -> None:
    assert use("new") is None
    assert use("gpu", nodes=()) is None
