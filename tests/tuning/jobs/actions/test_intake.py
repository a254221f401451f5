"""A request against its surroundings: what would be stored, and all that is wrong with it at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.factories import make_cluster_settings
from tuning.jobs.actions.checked_request import CheckedRequest
from tuning.jobs.actions.intake import Surroundings, check_priority, check_request, request_sha256
from tuning.jobs.attempt.plan import TrainingData
from tuning.jobs.request.resources import UNKNOWN_CLUSTER, ClusterView, PartitionView
from tuning.jobs.request.sources import SourceJob
from tuning.jobs.request.spec import JobRequest
from tuning.jobs.status import JobStatus
from tuning.llamafactory.config.final import OwnedArguments, final_config
from tuning.models.names import ResultName
from tuning.people.models import LAB_TEAM_ID

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
ENTRY = {"columns": {"prompt": "instruction", "response": "output"}}
DATA = TrainingData("ds_a", "chats", "ab" * 32, "jsonl", ENTRY)
AROUND = Surroundings(
    clusters={"lab": make_cluster_settings(), "far": make_cluster_settings(name="far")},
    view_of=lambda _name: UNKNOWN_CLUSTER,
    uploads=lambda ids: [one for one in (DATA, replace(DATA, id="ds_far", cluster="far")) if one.id in ids],
    uploads_by_name=lambda _names: {},
    model_aliases=lambda _cluster: {},
    jobs=lambda ids: {f"job_{status}": a_job(status) for status in JobStatus if f"job_{status}" in ids},
    team_of=lambda name: LAB_TEAM_ID if name in (None, "lab") else None,
    team_name=lambda _id: "lab",
    missing_secrets=lambda names: [name for name in names if name != "HF_TOKEN"],
    highest_priority=10,
)


def a_job(status: JobStatus) -> SourceJob:
    return SourceJob(f"job_{status}", "train", status, "far", CONFIG, None)


def checked(around: Surroundings = AROUND, **fields: Any) -> CheckedRequest:
    return check_request(JobRequest.model_validate({"config": CONFIG, **fields}), around)


def places(**fields: Any) -> list[tuple[str | int, ...]]:
    """Places of the errors."""
    return [finding.loc for finding in checked(**fields).errors]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = places(
        config={**CONFIG, "lora_rnak": 8},
        resources={"cluster": "lab"},
        datasets=["ds_gone"],
        depends_on=["job_gone"],
        secrets=["HF_TOKEN", "OTHER"],
        priority=11,
    )
    expected = {("datasets", 0), ("depends_on", 0), ("secrets", 1), ("priority",), ("config", "lora_rnak")}
    assert set(found) == expected
    assert len(found) == len(expected)


def test_without_a_cluster_named_the_first_is_taken() -> None:
    assert checked().resources["cluster"] == "lab"
    assert places(resources={"cluster": "none"}) == [("resources", "cluster")]
    assert [one.loc for one in checked(replace(AROUND, clusters={})).errors] == [("resources", "cluster")]


def test_data_that_lies_on_a_cluster_takes_the_job_there() -> None:
    config = {name: value for name, value in CONFIG.items() if name != "dataset"}
    there = checked(config=config, datasets=["ds_far"])
    assert (there.errors, there.resources["cluster"], there.uploads[0].id) == ((), "far", "ds_far")
    assert places(config=config, datasets=["ds_a", "ds_far"], resources={"cluster": "lab"}) == [("datasets", 1)]


@pytest.mark.parametrize("status", ["checking", "refused"])
def test_data_that_is_not_ready_is_named_and_left_out(status: Any) -> None:
    found = checked(replace(AROUND, uploads=lambda _ids: [replace(DATA, status=status)]), datasets=["ds_a"])
    assert ([one.loc for one in found.errors], found.uploads) == ([("datasets", 0)], ())


def test_data_that_is_named_twice_is_used_once() -> None:
    found = checked(datasets=["ds_a", "ds_a"])
    assert ([one.loc for one in found.errors], found.uploads) == ([("datasets", 1)], (DATA,))


def test_only_what_has_not_ended_is_waited_for() -> None:
    found = checked(depends_on=["job_running", "job_succeeded", "job_held"])
    assert (found.errors, found.dependencies) == ((), ("job_held", "job_running"))
    assert places(depends_on=["job_running", "job_failed", "job_cancelled"]) == [("depends_on", 1), ("depends_on", 2)]


def test_a_source_takes_the_job_to_its_cluster_and_is_waited_for() -> None:
    found = checked(kind="export", config={}, source_job="job_running")
    assert (found.errors, found.resources["cluster"], found.dependencies) == ((), "far", ("job_running",))
    assert places(checkpoint=5) == [("checkpoint",)]
    assert places(kind="export", config={}, source_job="job_gone") == [("source_job",)]


def test_a_result_that_is_named_as_the_model_is_the_source() -> None:
    def named(name: str, clusters: Sequence[str]) -> ResultName | None:
        return ResultName("job_succeeded") if (name, list(clusters)) == ("mt-prod", ["lab", "far"]) else None

    around = replace(AROUND, result_named=named)
    config = {**CONFIG, "model_name_or_path": "mt-prod"}
    found = checked(around, config=config)
    assert (found.errors, found.request.source_job, found.resources["cluster"]) == ((), "job_succeeded", "far")
    assert found.notes[0] == "model_name_or_path: mt-prod is what job_succeeded left"
    assert [one.loc for one in checked(around, config=config, source_job="job_failed").errors] == [
        ("config", "model_name_or_path"),
        ("source_job",),
    ]
    assert [one.loc for one in checked(config=config).errors] == [("config", "model_name_or_path")]


def test_only_the_granted_result_is_a_source() -> None:
    granted = {ResultName("job_theirs", 5): replace(a_job(JobStatus.SUCCEEDED), checkpoints=frozenset({5}))}
    around = replace(AROUND, granted=granted.get)
    config = {name: value for name, value in CONFIG.items() if name != "model_name_or_path"}
    assert checked(around, config=config, source_job="job_theirs", checkpoint=5).errors == ()
    assert [one.loc for one in checked(around, config=config, source_job="job_theirs").errors] == [("source_job",)]
    assert [one.loc for one in checked(around, depends_on=["job_theirs"]).errors] == [("depends_on", 0)]


def test_a_configuration_is_given_in_one_form() -> None:
    assert places(config_yaml="a: 1") == [("config_yaml",)]
    assert places(config=None) == [("config",)]
    assert places(config=None, config_yaml="a: [") == [("config_yaml", 1, 5)]


@pytest.mark.parametrize(("priority", "is_refused"), [(10, False), (-10, False), (11, True), (-11, True), (0, False)])
def test_a_priority_has_its_bound_on_both_sides(priority: int, is_refused: bool) -> None:
    assert bool(check_priority(priority, 10)) is is_refused


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": "mine"}, "mine"),
        ({"config": {**CONFIG, "run_name": "r" * 300}}, "r" * 200),
        ({}, "lora tiny-qwen2 on identity"),
        ({"kind": "export", "config": {}, "source_job": "job_succeeded"}, "export of job_succeeded"),
    ],
)
def test_a_job_without_a_name_is_called_after_what_it_does(fields: dict[str, Any], name: str) -> None:
    assert checked(**fields).name == name


def test_the_same_request_has_the_same_sum_however_it_is_written() -> None:
    first = JobRequest(config={"a": 1, "b": 2}, tags={"x": "1", "y": "2"})
    second = JobRequest(tags={"y": "2", "x": "1"}, config={"b": 2, "a": 1}, priority=0, held=False)
    assert request_sha256(first) == request_sha256(second)
    others = [request_sha256(first, "job_1"), request_sha256(JobRequest(config={"a": 1, "b": 3}))]
    assert len({request_sha256(first), *others}) == 3


NAMED = replace(
    AROUND,
    view_of=lambda _name: ClusterView(datasets={"identity": {"file_name": "identity.json"}}),
    uploads_by_name=lambda names: {name: DATA for name in names if name in ("chats", "ds_a")},
)


@pytest.mark.parametrize("written", ["chats", "ds_a", ["chats"]])
def test_an_upload_is_trained_on_by_its_name(written: Any) -> None:
    found = checked(NAMED, config={**CONFIG, "dataset": written}, resources={"cluster": "lab"})
    assert found.errors == ()
    assert (found.config["dataset"], [data.id for data in found.uploads]) == ("ds_a", ["ds_a"])


def test_an_upload_is_evaluated_on_by_its_name_and_not_trained_on() -> None:
    given = {**CONFIG, "dataset": "identity", "eval_dataset": "chats", "eval_strategy": "epoch"}
    found = checked(NAMED, config=given)
    assert found.errors == ()
    assert (found.config["dataset"], found.config["eval_dataset"]) == ("identity", "ds_a")
    assert "eval_dataset: chats is ds_a, chats" in found.notes
    assert found.config_check is not None
    final = final_config(found.config_check, OwnedArguments("/o", "/d", ()))
    assert (final["dataset"], final["eval_dataset"]) == ("identity", "ds_a")


@pytest.mark.parametrize("data", [replace(DATA, status="refused"), replace(DATA, cluster="far")])
def test_a_named_upload_that_cannot_be_used_is_told_at_its_argument(data: TrainingData) -> None:
    around = replace(NAMED, uploads_by_name=lambda _names: {"chats": data})
    found = checked(around, config={**CONFIG, "dataset": "chats"}, resources={"cluster": "lab"})
    assert [finding.loc for finding in found.errors] == [("config", "dataset")]


def test_a_name_of_the_clusters_own_data_is_no_upload() -> None:
    view = ClusterView(datasets={"chats": {"file_name": "chats.json"}})
    clusters = {"lab": make_cluster_settings(llamafactory_checkout="/opt/lf")}
    found = checked(
        replace(NAMED, clusters=clusters, view_of=lambda _name: view), config={**CONFIG, "dataset": "chats"}
    )
    assert (found.config["dataset"], found.uploads) == ("chats", ())


@pytest.mark.parametrize(("gpu_request", "is_refused"), [("gres", True), ("none", False)])
def test_gpus_that_slurm_does_not_count_are_not_held_against_it(gpu_request: str, is_refused: bool) -> None:
    cluster = make_cluster_settings(gpu_request=gpu_request)
    partitions = {"cpu": PartitionView(nodes=2, gpus_per_node=0)}
    view = ClusterView(partitions=partitions, default_partition="cpu", datasets={"identity": {}})
    around = replace(AROUND, clusters={"lab": cluster}, view_of=lambda _name: view)
    found = [finding.loc for finding in checked(around, resources={"gpus_per_node": 4, "partition": "cpu"}).errors]
    assert (("resources", "gpus_per_node") in found) is is_refused


@pytest.mark.parametrize(("kind", "argument"), [("train", "dataset"), ("predict", "eval_dataset")])
def test_data_of_the_request_beside_data_of_the_configuration_is_told(kind: str, argument: str) -> None:
    config = {**CONFIG, "dataset": None, argument: "identity,alpaca_en_demo"}
    found = checked(kind=kind, config=config, datasets=["ds_a"], resources={"cluster": "lab"})
    [warning] = [finding for finding in found.warnings if finding.loc == ("config", argument)]
    assert warning.message == f"{argument} names identity, alpaca_en_demo: used together with ds_a"
    assert warning.hint is not None
    assert f"--set {argument}=null" in warning.hint


@pytest.mark.parametrize("fields", [{"datasets": ["ds_a"], "config": {**CONFIG, "dataset": "ds_a"}}, {}])
def test_data_that_is_named_in_one_place_is_told_of_no_other(fields: dict[str, Any]) -> None:
    assert [finding.loc for finding in checked(NAMED, resources={"cluster": "lab"}, **fields).warnings] == []


@pytest.mark.parametrize(
    ("config", "asked", "gpus"),
    [
        ({}, {}, 0),
        ({"export_device": "cpu"}, {}, 0),
        ({"export_device": "auto"}, {}, 1),
        ({"export_quantization_bit": 4, "export_quantization_dataset": "/data/c4.json"}, {}, 1),
        ({}, {"gpus_per_node": 1}, 1),
    ],
)
def test_a_merge_on_the_cpu_asks_for_no_gpu(config: dict[str, Any], asked: dict[str, Any], gpus: int) -> None:
    found = checked(kind="export", config=config, source_job="job_succeeded", resources=asked)
    assert found.resources["gpus_per_node"] == gpus


def test_a_template_that_the_source_was_not_trained_with_is_told() -> None:
    phi = SourceJob("job_phi", "train", JobStatus.SUCCEEDED, "lab", {**CONFIG, "template": "phi"}, None)
    config = {"dataset": "identity", "template": "qwen"}
    found = checked(replace(AROUND, jobs=lambda _ids: {"job_phi": phi}), config=config, source_job="job_phi")
    assert [(finding.loc, finding.hint) for finding in found.warnings] == [
        (("config", "template"), "leave it out: phi is taken over")
    ]


def test_a_text_that_cannot_be_read_hides_nothing_that_is_wrong_beside_it() -> None:
    view = ClusterView(partitions={"gpu": PartitionView(nodes=2, gpus_per_node=4)}, default_partition="gpu")
    around = replace(AROUND, view_of=lambda _name: view)
    found = checked(around, config=None, config_yaml="a: [", resources={"partition": "gpuu"}, datasets=["ds_gone"])
    assert {finding.loc for finding in found.errors} == {
        ("config_yaml", 1, 5),
        ("resources", "partition"),
        ("datasets", 0),
    }


def test_questions_without_answers_are_predicted_on_and_never_trained_on() -> None:
    asked = replace(DATA, entry={"columns": {"prompt": "instruction", "history": "history", "system": "system"}})
    around = replace(AROUND, uploads=lambda _ids: [asked])
    config = {"model_name_or_path": "tiny-qwen2", "template": "qwen"}
    assert checked(around, kind="predict", config=config, datasets=["ds_a"]).errors == ()
    refused = checked(around, config=config, datasets=["ds_a"]).errors
    assert [(finding.loc, finding.message[:24]) for finding in refused] == [
        (("config", "stage"), "the data has no answers,")
    ]
