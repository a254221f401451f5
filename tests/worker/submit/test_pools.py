"""GPUs that our jobs can have: the cluster's description, with what of ours began and ended since."""

from datetime import timedelta

from tests.factories import NOON
from tests.tuning.jobs.queries.running_rows import running
from tuning.clusters.snapshot import Node, Snapshot
from tuning.jobs.queries.queue.gpu_use import gpu_uses
from tuning.jobs.queries.queue.standing import RunningRow
from tuning.queue.gpus import Gpus
from tuning.queue.window import Pool
from worker.submit.pools import pool_of

SOON = timedelta(seconds=20)
NODES = (
    Node("n1", ("gpu",), gpus=8, gpus_in_use=6),
    Node("n2", ("gpu",), is_usable=False, gpus=8),
    Node("n3", ("other",), gpus=8),
)


def pool(*rows: RunningRow, partition: str = "gpu", nodes: tuple[Node, ...] = NODES) -> Pool | None:
    uses = gpu_uses(Snapshot(nodes=nodes), NOON - timedelta(seconds=30), rows, (), {partition})
    use = next((each for each in uses if partition in each.partitions), None)
    return pool_of(use, NOON, SOON) if use is not None else None


def free(*rows: RunningRow) -> int:
    found = pool(*rows)
    assert found
    return found.free.total


def test_what_others_use_is_not_ours_to_have() -> None:
    assert free() == 2
    assert free(running(4)) == 2


def test_what_began_since_the_description_is_in_use_too() -> None:
    assert free(running(4), running(2, began_seconds_ago=10)) == 0
    assert free(running(99, began_seconds_ago=10)) == 0


def test_gpus_come_free_soon_by_expected_ends_limits_and_wishes() -> None:
    rows = (
        running(1, expected_end_at=NOON + SOON),
        running(1, expected_end_at=NOON + 2 * SOON),
        running(1, limit_seconds=110),
        running(1, is_ending=True),
        running(1, partition="other", is_ending=True),
    )
    found = pool(*rows)
    assert found
    assert found.soon_free.total == 3
    assert [job.ends_by for job in found.running][2] == NOON.timestamp() + 10


def test_of_a_partition_without_known_nodes_nothing_is_known() -> None:
    assert pool(partition="new") is None
    assert pool(nodes=()) is None


def test_gpus_now_and_soon_are_told_by_type() -> None:
    nodes = (
        Node("a1", ("gpu",), gpus=8, gpus_in_use=6, gpu_types={"a100": 8}),
        Node("v1", ("gpu",), gpus=8, gpu_types={"v100": 8}),
    )
    found = pool(running(4, gpu_type="a100", is_ending=True), running(2, nodes="a1"), nodes=nodes)
    assert found
    assert (found.free, found.soon_free) == (Gpus(10, {"a100": 2, "v100": 8}), Gpus(4, {"a100": 4, "v100": 0}))
    assert [job.gpu_type for job in found.running] == ["a100", "a100"]
