"""What a training can go on from: a whole checkpoint of an ended one, of the same weights and the same sharding."""

from typing import Any

import pytest

from tuning.errors import Finding
from tuning.jobs.request.resume import NewRun, ResumePoint, check_resume, resume_point
from tuning.jobs.request.sources import SourceJob
from tuning.jobs.status import ENDED, JobStatus
from tuning.llamafactory.arguments.accepted import load_schema

CONFIG: dict[str, Any] = {"model_name_or_path": "/models/a", "stage": "sft", "dataset": "identity"}
RESOURCES: dict[str, Any] = {"nodes": 1, "gpus_per_node": 2}


def earlier(**values: Any) -> SourceJob:
    own: dict[str, Any] = {"id": "job_a", "kind": "train", "status": JobStatus.FAILED, "cluster": "lab"}
    own |= {"config": CONFIG, "source": None, "resources": RESOURCES}
    return SourceJob(**{**own, "whole_checkpoints": frozenset({50, 100}), **values})


def run(config: dict[str, Any] | None = None, **values: Any) -> NewRun:
    own: dict[str, Any] = {"kind": "train", "cluster": "lab", "source": None, "resources": RESOURCES, "datasets": ()}
    return NewRun(**{**own, "config": {**CONFIG, **(config or {})}, "silent": load_schema().silent, **values})


def said(job: SourceJob, new: NewRun, checkpoint: int | None = None) -> list[tuple[tuple[str | int, ...], str]]:
    return [(finding.loc, finding.severity) for finding in check_resume(job, checkpoint, new)]


def test_the_newest_whole_checkpoint_is_meant_unless_one_is_named() -> None:
    assert resume_point(earlier(), None) == ResumePoint("job_a", 100)
    assert resume_point(earlier(), 50) == ResumePoint("job_a", 50)
    assert resume_point(earlier(), 70) is resume_point(earlier(whole_checkpoints=frozenset()), None) is None


@pytest.mark.parametrize("status", sorted(ENDED))
def test_the_same_again_goes_on_however_it_ended(status: JobStatus) -> None:
    assert check_resume(earlier(status=status), None, run()) == []


@pytest.mark.parametrize(
    ("job", "new", "checkpoint"),
    [
        (earlier(), run(), 70),
        (earlier(whole_checkpoints=frozenset()), run(), None),
        (earlier(status=JobStatus.RUNNING), run(), None),
        (earlier(kind="predict"), run(), None),
        (earlier(kind="check"), run(), None),
        (earlier(), run(kind="export"), None),
        (earlier(), run(cluster="far"), None),
        (earlier(), run({"stage": "ppo"}), None),
        (earlier(), run({"stage": "rm", "finetuning_type": "full"}), None),
    ],
)
def test_what_cannot_be_gone_on_from_is_said_once(job: SourceJob, new: NewRun, checkpoint: int | None) -> None:
    (finding,) = check_resume(job, checkpoint, new)
    assert (finding.loc[0], finding.severity, bool(finding.hint)) == ("resume_from", "error", True)


def test_the_checkpoints_that_there_are_are_named() -> None:
    (finding,) = check_resume(earlier(), 70, run())
    assert finding == Finding(("resume_from", "checkpoint"), "job_a has no whole checkpoint 70", "it has: 50, 100")


@pytest.mark.parametrize(
    "change",
    [{"lora_rank": 16}, {"finetuning_type": "full"}, {"optim": "adafactor"}, {"model_name_or_path": "/models/b"}],
)
def test_other_weights_or_another_optimizer_do_not_fit(change: dict[str, Any]) -> None:
    assert said(earlier(), run(change)) == [(("config", *change), "error")]


def test_a_default_that_is_written_out_is_no_change() -> None:
    assert said(earlier(), run({"lora_rank": 8, "finetuning_type": "lora"})) == []


def test_more_steps_and_another_rate_are_no_matter() -> None:
    assert said(earlier(), run({"max_steps": 900, "learning_rate": 1e-6, "save_steps": 5})) == []


def test_another_source_is_another_model() -> None:
    assert said(earlier(source={"model": "/models/a"}), run()) == [(("resume_from",), "error")]


def test_other_gpus_are_allowed_but_for_deepspeed() -> None:
    more = {"nodes": 2, "gpus_per_node": 2}
    assert said(earlier(), run(resources=more)) == [(("resume_from",), "warning")]
    kept = run({"gradient_accumulation_steps": 4}, resources=more)
    assert said(earlier(config={**CONFIG, "gradient_accumulation_steps": 8}), kept) == []
    for deepspeed in ("zero2", "zero3", "/models/ds.json"):
        sharded = {**CONFIG, "deepspeed": deepspeed}
        found = said(earlier(config=sharded), run(sharded, resources=more))
        assert found[0] == (("resources", "gpus_per_node"), "error")
    plain = {**CONFIG, "deepspeed": "zero0"}
    assert said(earlier(config=plain), run(plain, resources=more)) == [(("resume_from",), "warning")]


def test_one_gpu_of_each_of_two_nodes_is_as_good_as_two_of_one() -> None:
    sharded = {**CONFIG, "deepspeed": "zero3"}
    assert said(earlier(config=sharded), run(sharded, resources={"nodes": 2, "gpus_per_node": 1})) == []


@pytest.mark.parametrize(("before", "now"), [(None, "zero2"), ("zero2", None), ("zero2", "zero3"), ("zero0", None)])
def test_another_deepspeed_is_another_optimizer(before: str | None, now: str | None) -> None:
    job = earlier(config={**CONFIG, **({"deepspeed": before} if before else {})})
    assert said(job, run({"deepspeed": now} if now else {})) == [(("config", "deepspeed"), "error")]


def test_other_data_warns() -> None:
    assert said(earlier(), run({"dataset": "other"})) == [(("resume_from",), "warning")]
    assert said(earlier(), run(datasets=("ds_a",))) == [(("resume_from",), "warning")]
    assert said(earlier(), run({"cutoff_len": 99, "seed": 1})) == [(("resume_from",), "warning")]
