"""Nodes that could run a job, by what the cluster said of itself."""

from typing import Any

import pytest

from tuning.clusters.snapshot import Node, Partition, Snapshot
from worker.submit.shapes import usable_nodes

SNAPSHOT = Snapshot(
    partitions=(Partition("gpu", is_default=True), Partition("cpu")),
    nodes=(
        Node("n1", ("gpu",), cpus=8, gpus=4, gpu_types={"a100": 4}),
        Node("n2", ("gpu",), is_usable=False, cpus=8, gpus=4, gpu_types={"h100": 4}),
        Node("n3", ("gpu",), cpus=8, gpus=1),
        Node("c1", ("cpu",), cpus=8),
    ),
)


@pytest.mark.parametrize(
    ("resources", "names"),
    [
        ({"gpus_per_node": 1}, ["n1", "n2", "n3"]),
        ({"gpus_per_node": 2}, ["n1", "n2"]),
        ({"gpus_per_node": 2, "gpu_type": "h100"}, ["n2"]),
        ({"gpus_per_node": 0, "partition": "cpu,gpu"}, ["n1", "n2", "n3", "c1"]),
        ({"gpus_per_node": 1, "exclude": "n1,n9"}, ["n2", "n3"]),
        ({"gpus_per_node": 1, "exclude": "n[1-2]"}, []),
        ({"gpus_per_node": 1, "constraint": "ib"}, []),
        ({"gpus_per_node": 1, "options": {"nodelist": "n1"}}, []),
    ],
)
def test_only_what_could_run_the_job_counts(resources: dict[str, Any], names: list[str]) -> None:
    found = usable_nodes(SNAPSHOT, resources)
    assert list(found) == names
    assert found.get("n2") is not True
