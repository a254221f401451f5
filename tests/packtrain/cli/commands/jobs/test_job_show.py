"""`packtrain show`, `events`, `script`, `config`, `logs --json`."""

import json
from typing import Any

import pytest

from tests.packtrain.cli.commands.jobs.test_job_copies import ADVISED, failed_job
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json


def test_show_tells_the_job_and_what_happened(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(progress={"queue_position": 2}, tags={"team": "mt"})]
    lines = run("show", JOB_ID).stdout.splitlines()
    assert lines[0] == f"{JOB_ID} queued, place 2 in our queue"
    assert "  tags      team=mt" in lines
    assert lines[-2].endswith("  job.created     made")
    assert lines[-1].endswith("  job.queued")


def test_show_tells_model_and_data(run: Run, stub: Stub) -> None:
    config = {"model_name_or_path": "tiny-llama", "dataset": "identity, alpaca_en"}
    stub.versions = [job_json(config=config, datasets=["ds_1"])]
    lines = run("show", JOB_ID).stdout.splitlines()
    assert "  model     tiny-llama" in lines
    assert "  data      identity  alpaca_en  ds_1 (chats)" in lines


@pytest.mark.parametrize(
    ("config", "kind", "told"),
    [
        ({"dataset": "identity", "eval_dataset": "ds_1"}, "train", {"data      identity", "eval data ds_1 (chats)"}),
        ({"dataset": "ds_1", "eval_dataset": "ds_1"}, "train", {"data      ds_1 (chats)", "eval data ds_1 (chats)"}),
        ({}, "train", {"data      ds_1 (chats)"}),
        ({}, "predict", {"eval data ds_1 (chats)"}),
    ],
)
def test_show_names_uploads_where_they_are_used(
    run: Run, stub: Stub, config: dict[str, str], kind: str, told: set[str]
) -> None:
    stub.versions = [job_json(config=config, kind=kind, datasets=["ds_1"])]
    lines = {line.strip() for line in run("show", JOB_ID).stdout.splitlines() if "ds_1" in line or "identity" in line}
    assert lines == told


def test_show_tells_the_remarks_on_the_request(run: Run, stub: Stub) -> None:
    stub.created = {"warnings": ["it is slow"], "notes": []}
    assert "  warning: it is slow" in run("show", JOB_ID).stdout.splitlines()


def test_show_tells_the_advice_of_a_success_that_diverged(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(progress={"status": "succeeded"}, result={"diverged": True})]
    advice = {"hint": "lower the rate", "retry": {"config": {"learning_rate": 1e-6}}}
    stub.last_event = {"type": "warning", "message": "it diverged", "data": advice}
    lines = run("show", JOB_ID).stdout.splitlines()
    assert "    -> lower the rate" in lines
    assert f"  once more    packtrain retry {JOB_ID} --advised  (learning_rate=1e-06)" in lines


def test_show_tells_why_a_jobfailed_job_and_how_to_retry_it(run: Run, stub: Stub) -> None:
    stub.versions = [failed_job(ADVISED)]
    lines = run("show", JOB_ID).stdout.splitlines()
    assert lines[:5] == [
        f"{JOB_ID} failed",
        "  the GPU's memory ran out",
        "    -> halve the batch",
        "  | x.py: OOM",
        f"  once more    packtrain retry {JOB_ID} --advised  (per_device_train_batch_size=1  bf16=true  memory=128G)",
    ]


@pytest.mark.parametrize(("retry", "label"), [({}, "once more"), (None, "corrected?")])
def test_watch_ends_with_how_to_retry(run: Run, stub: Stub, retry: dict[str, Any] | None, label: str) -> None:
    stub.versions = [failed_job(retry)]
    assert run("watch", JOB_ID).stdout.splitlines()[-1] == f"  {label:<13}packtrain retry {JOB_ID}"


def test_events_are_lines_or_lines_of_json(run: Run) -> None:
    assert [line.split()[-1] for line in run("events", JOB_ID).stdout.splitlines()] == ["made", "job.queued"]
    first, second = map(json.loads, run("events", JOB_ID, "--json").stdout.splitlines())
    assert (first["type"], second["id"]) == ("job.created", 2)


@pytest.mark.parametrize("word", ["script", "config"])
def test_texts_are_printed_as_they_are(run: Run, stub: Stub, word: str) -> None:
    stub.texts = {word: f"{'x ' * 200}\n  y: 1\n\n"}
    assert run(word, JOB_ID, "--attempt", "2").stdout == f"{'x ' * 200}\n  y: 1\n"
    assert stub.requests == [("GET", f"/api/v1/jobs/{JOB_ID}/{word}?attempt=2")]


def test_a_log_as_json_says_where_it_goes_on(run: Run, stub: Stub) -> None:
    stub.logs = {"stdout": "a\nb\n", "stderr": ""}
    assert json.loads(run("logs", JOB_ID, "--tail", "1", "--json").stdout) == {"text": "b\n", "next_offset": 4}
    assert run("logs", JOB_ID, "-f", "--json").exit_code == 2


@pytest.mark.parametrize("words", [("show",), ("watch",), ("events",), ("logs",), ("checkpoints", "list")])
def test_an_id_may_be_cut_short_wherever_it_is_taken(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    stub.versions = [job_json(progress={"status": "cancelled"})]
    stub.logs = {"stdout": "a\n"}
    run(*words, "0123")
    assert stub.requests[0] == ("GET", "/api/v1/jobs?limit=20&q=job_0123")
    assert stub.requests[1][1].startswith(f"/api/v1/jobs/{JOB_ID}")
