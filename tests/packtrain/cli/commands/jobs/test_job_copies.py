"""`packtrain retry` and `packtrain clone`."""

import json
from typing import Any

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json

ADVISED = {"config": {"per_device_train_batch_size": 1, "bf16": True}, "resources": {"memory": "128G"}}


def failed_job(retry: dict[str, Any] | None) -> dict[str, Any]:
    failure = {"code": "cuda_out_of_memory", "message": "the GPU's memory ran out", "hint": "halve the batch"}
    return job_json(progress={"status": "failed"}, failure={**failure, "evidence": ["x.py: OOM"], "retry": retry})


def _diverged() -> dict[str, Any]:
    return job_json(progress={"status": "succeeded"}, result={"diverged": True})


def test_a_retry_is_posted_once(run: Run, stub: Stub) -> None:
    result = run("retry", JOB_ID)
    assert stub.requests[0] == ("POST", f"/api/v1/jobs/{JOB_ID}/retry")
    assert [method for method, _ in stub.requests].count("POST") == 1
    assert result.stdout == f"{JOB_ID}  wmt ja-en  queued\n"


def test_a_retry_as_advised_posts_what_the_failure_says(run: Run, stub: Stub) -> None:
    stub.versions = [failed_job(ADVISED)]
    assert run("retry", JOB_ID, "--advised").exit_code == 0
    assert stub.bodies == [ADVISED]


def test_what_is_said_wins_over_what_is_advised(run: Run, stub: Stub) -> None:
    stub.versions = [failed_job(ADVISED)]
    words = ("--set", "bf16=null", "--set", "max_steps=3", "--time", "90min", "--memory", "200GiB", "--gpus", "2")
    assert run("retry", JOB_ID, "--advised", *words).exit_code == 0
    assert stub.bodies == [{
        "config": {"per_device_train_batch_size": 1, "bf16": None, "max_steps": 3},
        "resources": {"memory": "200G", "time_limit": "01:30:00", "gpus_per_node": 2},
    }]  # fmt: skip


def test_a_success_that_diverged_is_retried_as_its_warning_says(run: Run, stub: Stub) -> None:
    stub.versions = [_diverged()]
    stub.last_event = {"type": "warning", "data": {"code": "diverged", "retry": {"config": {"learning_rate": 1e-6}}}}
    assert run("retry", JOB_ID, "--advised").exit_code == 0
    assert stub.bodies == [{"config": {"learning_rate": 1e-6}}]


@pytest.mark.parametrize("job", [failed_job(None), job_json(progress={"status": "cancelled"}), _diverged()])
def test_without_advice_nothing_is_retried(run: Run, stub: Stub, job: dict[str, Any]) -> None:
    stub.versions = [job]
    result = run("retry", JOB_ID, "--advised")
    assert result.exit_code == 1
    assert "there is no advice" in result.stderr
    assert not [path for method, path in stub.requests if method == "POST"]


def test_all_thatfailed_job_are_retried_but_those_that_were(run: Run, stub: Stub) -> None:
    first, second = (f"job_{number:020}" for number in range(2))
    done = job_json(id=f"job_{2:020}", retry_of=first, progress={"status": "running"})
    stub.listed = [done, {**failed_job(None), "id": first}, {**failed_job(None), "id": second}]
    assert run("retry", "--all", "--yes").exit_code == 0
    assert [path for method, path in stub.requests if method == "POST"] == [f"/api/v1/jobs/{second}/retry"]


def test_a_retry_is_watched_to_its_end(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(), job_json(progress={"version": 2, "status": "succeeded"})]
    result = run("retry", JOB_ID, "--watch")
    assert result.exit_code == 0
    assert "succeeded" in result.stdout


@pytest.mark.parametrize("words", [("a", "b", "--watch"), ("--all", "--watch"), ("a", "--watch", "--json")])
def test_only_a_single_retry_is_watched(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    assert run("retry", *words).exit_code == 2
    assert stub.requests == []


def test_a_clone_says_what_is_other(run: Run, stub: Stub) -> None:
    result = run("clone", JOB_ID, "--model", "m", "--name", "again", "--hold", "--json")
    assert json.loads(result.stdout)["id"] == JOB_ID
    assert stub.requests == [("POST", f"/api/v1/jobs/{JOB_ID}/clone")]
    assert stub.bodies == [{"config": {"model_name_or_path": "m"}, "name": "again", "held": True}]


@pytest.mark.parametrize(("word", "step"), [("newest", None), ("500", 500)])
def test_a_retry_goes_on_from_a_checkpoint(run: Run, stub: Stub, word: str, step: int | None) -> None:
    assert run("retry", JOB_ID, "--from-checkpoint", word, "--gpus", "2").exit_code == 0
    assert stub.bodies == [{"resources": {"gpus_per_node": 2}, "resume_from": {"checkpoint": step}}]


@pytest.mark.parametrize("word", ["last", "0", "-5", "5.0", ""])
def test_what_is_no_step_is_said_before_anything_is_sent(run: Run, stub: Stub, word: str) -> None:
    result = run("retry", JOB_ID, f"--from-checkpoint={word}")
    assert (result.exit_code, stub.bodies) == (1, [])
    assert "packtrain checkpoints list JOB" in result.stderr


def test_dependents_come_along_and_are_counted(run: Run, stub: Stub) -> None:
    message = "2 jobs that depended on job_x and failed with it: retried too"
    stub.last_event = {"type": "job.changed", "message": message, "data": {"retried": ["job_a", "job_b"]}}
    result = run("retry", JOB_ID, "--with-dependents")
    assert stub.bodies == [{"with_dependents": True}]
    assert message in result.stderr


def test_without_any_that_is_said(run: Run) -> None:
    assert "no job of yours failed with it" in run("retry", JOB_ID, "--with-dependents").stderr


def test_of_all_that_failed_dependents_are_left_to_their_first(run: Run, stub: Stub) -> None:
    first, second = (f"job_{number:020}" for number in (0, 1))
    failure: dict[str, Any] = {"code": "dependency", "message": "m", "hint": None, "evidence": []}
    stub.listed = [
        job_json(id=first, progress={"status": "failed"}),
        job_json(id=second, progress={"status": "failed"}, failure=failure),
    ]
    assert run("retry", "--all", "--yes", "--with-dependents").exit_code == 0
    assert [path for method, path in stub.requests if method == "POST"] == [f"/api/v1/jobs/{first}/retry"]
