"""Use of GPUs: ours by what runs now, others' by the cluster's description, less what of ours has ended since."""

from collections.abc import Sequence
from datetime import timedelta

from tests.factories import NOON
from tests.tuning.jobs.queries.running_rows import running
from tuning.clusters.snapshot import Node, Snapshot
from tuning.jobs.queries.queue.gpu_use import GpuUse, gpu_uses
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.jobs.queries.run_parts import GivenBack
from tuning.queue.gpus import Gpus

NODES = (Node("n1", ("gpu",), gpus=8, gpus_in_use=6), Node("n2", ("gpu", "long"), gpus=8), Node("n3", ("big",), gpus=4))


def use(partition: str, *, given_back: Sequence[GivenBack] = (), nodes: tuple[Node, ...] = NODES) -> GpuUse | None:
    told_at = NOON - timedelta(seconds=30)
    found = gpu_uses(Snapshot(nodes=nodes), told_at, [running(4)], given_back, {partition})
    return next((each for each in found if partition in each.partitions), None)


def test_jobs_of_partitions_that_share_a_node_compete() -> None:
    found = use("long")
    assert found is not None
    assert found.partitions == {"gpu", "long"}
    assert (found.gpus.total, found.others.total, found.free.total) == (16, 2, 10)


def test_gpus_that_our_ended_runs_gave_back_are_free() -> None:
    found = use("gpu", given_back=[GivenBack("gpu", 2)])
    assert found is not None
    assert (found.others.total, found.free.total) == (0, 12)


def test_of_partitions_without_usable_nodes_no_use_is_known() -> None:
    assert use("new") is None
    assert use("gpu", nodes=()) is None


TYPED = (
    Node("a1", ("gpu",), gpus=8, gpus_in_use=6, gpu_types={"a100": 8}),
    Node("v1", ("gpu",), gpus=8, gpus_in_use=2, gpu_types={"v100": 8}),
)


def by_type(*rows: RunningRow, given_back: Sequence[GivenBack] = ()) -> GpuUse:
    (found,) = gpu_uses(Snapshot(nodes=TYPED), NOON - timedelta(seconds=30), rows, given_back, {"gpu"})
    return found


def test_free_gpus_are_counted_by_the_types_of_their_nodes() -> None:
    found = by_type(running(4, gpu_type="a100"))
    assert found.others == Gpus(4, {"a100": 2, "v100": 2})
    assert found.free == Gpus(8, {"a100": 2, "v100": 6})


def test_a_run_that_began_since_takes_from_its_type() -> None:
    found = by_type(running(2, began_seconds_ago=10, nodes="a1"), running(3, began_seconds_ago=10, gpu_type="v100"))
    assert found.free == Gpus(3, {"a100": 0, "v100": 3})
    assert [row.gpu_type for row in found.runs] == ["a100", "v100"]


def test_a_run_of_no_known_type_takes_from_the_total_alone() -> None:
    assert by_type(running(3, began_seconds_ago=10)).free == Gpus(5, {"a100": 2, "v100": 6})


def test_gpus_given_back_are_free_again_by_their_type() -> None:
    given_back = [GivenBack("gpu", 2, "a100"), GivenBack("gpu", 1, None, "v1"), GivenBack("gpu", 1)]
    assert by_type(given_back=given_back).free == Gpus(12, {"a100": 4, "v100": 7})


def test_in_a_pool_of_a_single_type_it_is_not_counted() -> None:
    (found,) = gpu_uses(Snapshot(nodes=TYPED[:1]), NOON, [running(4, gpu_type="a100")], (), {"gpu"})
    assert (found.gpus, found.free) == (Gpus(8), Gpus(2))
