"""What a job hands over to those that are based on it."""

from typing import Any

from tuning.jobs.request.sources import SourceJob, check_source, from_json, source_model, to_json, written_out
from tuning.jobs.status import JobStatus
from tuning.llamafactory.kinds import SourceModel

LORA: dict[str, Any] = {"model_name_or_path": "/models/a", "finetuning_type": "lora", "template": "qwen"}


def job(**values: Any) -> SourceJob:
    own: dict[str, Any] = {"id": "job_a", "kind": "train", "status": JobStatus.SUCCEEDED, "cluster": "lab"}
    return SourceJob(**{**own, "config": LORA, "source": None, **values})


def test_a_lora_training_hands_over_its_adapter_with_its_model() -> None:
    assert source_model(job(), None) == SourceModel("/models/a", "jobs/job_a/output", "qwen", "lora")
    assert source_model(job(), 5).adapter == "jobs/job_a/output/checkpoint-5"


def test_a_training_that_says_nothing_of_its_method_is_lora() -> None:
    config = {"model_name_or_path": "/models/a"}
    assert source_model(job(config=config), None) == SourceModel("/models/a", "jobs/job_a/output", None, "lora")


def test_a_full_training_and_an_export_hand_over_a_whole_model() -> None:
    full = job(config={**LORA, "finetuning_type": "full"})
    assert source_model(full, None) == SourceModel("jobs/job_a/output", None, "qwen")
    export = job(kind="export", config={}, source=to_json(SourceModel("/models/a", "jobs/job_0/output", "qwen")))
    assert source_model(export, None) == SourceModel("jobs/job_a/output", None, "qwen")


def test_an_adapter_trained_further_keeps_the_model_that_it_belongs_to() -> None:
    first = source_model(job(id="job_1"), None)
    second = source_model(job(id="job_2", config={"finetuning_type": "lora"}, source=to_json(first)), None)
    assert second == SourceModel("/models/a", "jobs/job_2/output", "qwen", "lora")


def test_paths_beneath_our_folder_are_written_out_and_others_stay() -> None:
    assert written_out(SourceModel("/models/a", "jobs/j/output"), "/shared") == SourceModel(
        "/models/a", "/shared/jobs/j/output"
    )
    assert written_out(SourceModel("jobs/j/output"), "/shared") == SourceModel("/shared/jobs/j/output")
    assert written_out(SourceModel("org/name"), "/shared") == SourceModel("org/name")


def test_what_is_kept_is_read_again() -> None:
    source = SourceModel("/models/a", "jobs/j/output", "qwen")
    assert from_json(to_json(source)) == source
    assert from_json(None) is None


def test_a_source_that_has_not_ended_is_taken_at_its_word() -> None:
    assert check_source("predict", job(status=JobStatus.RUNNING), 500, "lab") == []


def test_a_prediction_leaves_no_model() -> None:
    assert [one.loc for one in check_source("train", job(kind="predict"), None, "lab")] == [("source_job",)]


def test_a_checkpoint_of_a_failed_training_can_be_used() -> None:
    failed = job(status=JobStatus.FAILED, checkpoints=frozenset({5}))
    assert check_source("train", failed, 5, "lab") == []
    assert [one.loc for one in check_source("train", failed, None, "lab")] == [("source_job",)]


def test_an_export_has_no_checkpoints() -> None:
    assert [one.loc for one in check_source("predict", job(kind="export"), 5, "lab")] == [("checkpoint",)]


def test_a_check_of_data_leaves_no_model() -> None:
    (finding,) = check_source("train", job(kind="check", config={"cluster_path": "/data/x"}), None, "lab")
    assert (finding.loc, finding.message) == (("source_job",), "job_a is a check of data: it leaves no model")
