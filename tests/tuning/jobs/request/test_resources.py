"""Resources: completed with defaults, held to what the cluster has."""

from typing import Any

import pytest

from tests.factories import make_cluster_settings
from tuning.jobs.request.resources import (
    UNKNOWN_CLUSTER,
    ClusterView,
    PartitionView,
    check_options,
    check_resources,
    complete_resources,
    measures,
)
from tuning.jobs.request.spec import Resources
from tuning.settings import PartitionDefaults

VIEW = ClusterView(
    partitions={
        "gpu": PartitionView(nodes=4, gpus_per_node=8, gpu_types={"a100": 8, "1g.10gb": 7}, max_seconds=86_400),
        "long": PartitionView(nodes=1, gpus_per_node=2),
    },
    default_partition="gpu",
)
DEFAULTS = PartitionDefaults(account="lab", gpus_per_node=2, memory="64G", time_limit="2-00:00:00")


def completed(view: ClusterView = VIEW, **asked: Any) -> Resources:
    return complete_resources(Resources(**asked), make_cluster_settings(defaults=DEFAULTS), view)


def fields_found(**asked: Any) -> list[object]:
    return [finding.loc[1] for finding in check_resources(completed(**asked), VIEW)]


def test_what_is_not_asked_for_comes_from_the_defaults() -> None:
    resources = completed(UNKNOWN_CLUSTER, nodes=3, memory="1G")
    assert (resources.cluster, resources.account, resources.partition) == ("lab", "lab", None)
    assert (resources.nodes, resources.gpus_per_node, resources.memory) == (3, 2, "1G")
    assert resources.time_limit == "2-00:00:00"


def test_a_default_time_limit_is_cut_to_what_the_partition_allows() -> None:
    assert completed().time_limit == "1-00:00:00"
    assert completed(partition="long").time_limit == "2-00:00:00"


def test_a_time_limit_that_was_asked_for_is_not_cut() -> None:
    assert fields_found(time_limit="1-00:00:01") == ["time_limit"]
    assert fields_found(time_limit="1-00:00:01", partition="long") == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, []),
        ({"gpus_per_node": 8, "nodes": 4, "gpu_type": "a100"}, []),
        ({"gpus_per_node": 9}, ["gpus_per_node"]),
        ({"gpus_per_node": 7, "gpu_type": "1g.10gb"}, []),
        ({"gpus_per_node": 8, "gpu_type": "1g.10gb"}, ["gpus_per_node"]),
        ({"nodes": 5, "gpus_per_node": 9}, ["gpus_per_node", "nodes"]),
        ({"gpu_type": "h100"}, ["gpu_type"]),
        ({"partition": "long", "gpu_type": "a100"}, ["gpu_type"]),
        ({"partition": "cpu"}, ["partition"]),
        ({"gpus_per_node": 0}, []),
    ],
    ids=str,
)
def test_what_the_cluster_does_not_have_is_found(asked: dict[str, Any], found: list[str]) -> None:
    assert fields_found(**asked) == found


def test_nothing_is_found_while_nothing_is_known() -> None:
    assert check_resources(completed(UNKNOWN_CLUSTER, nodes=1000, partition="any"), UNKNOWN_CLUSTER) == []


def test_a_cluster_without_a_default_partition_wants_one_named() -> None:
    view = ClusterView(partitions=VIEW.partitions)
    finding = check_resources(completed(view), view)[0]
    assert (finding.loc, finding.hint) == (("resources", "partition"), "give one of: gpu, long")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ("a100", "ib")),
        ({"gpu_type": "h100"}, ("h100", "ib")),
        ({"constraint": "eth"}, ("a100", "eth")),
        ({"partition": "long"}, (None, None)),
    ],
)
def test_gpu_type_and_constraint_are_defaults_of_the_default_partition(
    asked: dict[str, Any], found: tuple[str | None, str | None]
) -> None:
    cluster = make_cluster_settings(defaults=PartitionDefaults(gpu_type="a100", constraint="ib"))
    resources = complete_resources(Resources(**asked), cluster, VIEW)
    assert (resources.gpu_type, resources.constraint) == found


def test_where_slurm_knows_of_no_gpus_they_are_not_counted() -> None:
    view = ClusterView(partitions={"cpu": PartitionView(nodes=2, gpus_per_node=0)}, default_partition="cpu")
    asked = completed(view, gpus_per_node=4, gpu_type="a100", nodes=3)
    found = [finding.loc[1] for finding in check_resources(asked, view, slurm_knows_gpus=False)]
    assert found == ["nodes"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"partition": "gpu,long"}, []),
        ({"partition": "gpu,long", "gpus_per_node": 8}, []),
        ({"partition": "long,gpu", "time_limit": "2-00:00:00"}, []),
        ({"partition": "gpu,long", "gpus_per_node": 9}, ["gpus_per_node"]),
        ({"partition": "gpu,cpu"}, ["partition"]),
    ],
)
def test_of_several_partitions_one_is_enough(asked: dict[str, Any], found: list[str]) -> None:
    assert fields_found(**asked) == found


def test_a_default_time_limit_fits_each_of_several_partitions() -> None:
    assert completed(partition="long,gpu").time_limit == "1-00:00:00"


def test_the_unknown_one_of_several_partitions_is_named() -> None:
    (finding,) = check_resources(completed(partition="gpu,lng"), VIEW)
    assert (finding.message, finding.hint) == ("lab has no partition lng", "did you mean long?")


OPEN = make_cluster_settings(
    job_options=("reservation", "exclusive", "nodelist"), sbatch_options={"nodelist": "n[1-3]"}
)


@pytest.mark.parametrize(
    ("options", "severities"),
    [
        (None, []),
        ({"reservation": "course", "exclusive": True}, []),
        ({"exclusive": "user"}, []),
        ({"reservation": "a b"}, ["error"]),
        ({"reservation": True}, ["error"]),
        ({"licenses": "matlab:1"}, ["error"]),
        ({"wrap": "id"}, ["error"]),
        ({"nodelist": "n1"}, ["warning"]),
    ],
)
def test_jobs_have_the_options_that_the_operator_names(options: dict[str, Any] | None, severities: list[str]) -> None:
    assert [finding.severity for finding in check_options(options, OPEN)] == severities


def test_where_the_operator_names_none_that_is_said() -> None:
    (finding,) = check_options({"reservation": "course"}, make_cluster_settings())
    assert finding.loc == ("resources", "options", "reservation")
    assert "job_options" in str(finding.hint)


def test_partition_gpus_and_seconds_are_measured_by_the_resources() -> None:
    asked = {"partition": "gpu,big", "nodes": 2, "gpus_per_node": 4, "time_limit": "1-02:00:00"}
    assert measures(asked) == {"partition": "gpu,big", "gpus": 8, "limit_seconds": 26 * 3600}
    assert measures({"nodes": None, "gpus_per_node": 0}) == {"partition": "", "gpus": 0, "limit_seconds": 0}
