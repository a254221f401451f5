"""Unchanged clients of OpenAI's API in environments of their own, on a real server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.server.openai.chat.conftest import MODEL
from tests.server.openai.chat.model_server import ModelServerState
from tests.server.openai.clients.conftest import Run

pytestmark = [pytest.mark.deep, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

others = pytest.mark.clients
"""Packages of others, of some hundred megabytes together: left to `make clients`."""
HERE = Path(__file__).parent
CHATS = str(HERE.parents[3] / "examples/datasets/ja-en-chats.jsonl")


def program(name: str) -> str:
    """The path of a client's program."""
    return str(HERE / "programs" / f"{name}_program.py")


def test_openais_command_line_trains(run: Run) -> None:
    def api(*arguments: str) -> Any:
        return json.loads(run("openai-2.30.0", "-m", "openai", "api", *arguments))

    file_id = api("files.create", "--file", CHATS, "--purpose", "fine-tune")["id"]
    made = api("fine_tuning.jobs.create", "--model", MODEL, "--training-file", file_id, "--suffix", "by hand")
    assert (made["model"], made["training_file"], made["status"]) == (MODEL, file_id, "queued")
    assert api("fine_tuning.jobs.retrieve", "--id", made["id"])["id"] == made["id"]
    assert [job["id"] for job in api("fine_tuning.jobs.list")["data"]] == [made["id"]]
    assert api("fine_tuning.jobs.cancel", "--id", made["id"])["status"] == "cancelled"
    events = api("fine_tuning.jobs.list_events", "--id", made["id"])["data"]
    assert events[0]["message"].startswith("The job was cancelled")


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("client", ["openai-1.109.1", "openai-2.30.0"])
def test_earlier_openai_packages_train_and_talk_strictly(run: Run, client: str, ended: str) -> None:
    run(client, program("openai"), CHATS, MODEL, ended)


@others
@pytest.mark.usefixtures("served")
def test_litellm_trains_and_talks(run: Run, ended: str) -> None:
    run("litellm-1.110.2", program("litellm"), CHATS, MODEL, ended)


@others
@pytest.mark.usefixtures("served")
def test_instructor_trains_and_gets_an_answer_of_its_form(run: Run, model_server: ModelServerState) -> None:
    model_server.says, model_server.ends = '```json\n{"name": "Ada", "age": 36}\n```', "stop"
    run("instructor-1.17.0", program("instructor"), CHATS, MODEL)


@others
@pytest.mark.usefixtures("served", "cluster")
def test_dspy_asks_and_trains(run: Run, model_server: ModelServerState) -> None:
    model_server.says = "[[ ## answer ## ]]\nKyoto\n\n[[ ## completed ## ]]"
    run("dspy-3.4.1", program("dspy"), MODEL)


@others
def test_llama_index_trains_and_finds_what_a_job_left(run: Run, ended: str) -> None:
    run("llama-index-finetuning-0.4.2", program("llama_index"), CHATS, MODEL, ended)


@others
def test_wandb_logs_what_a_job_left(run: Run, ended: str, tmp_path: Path) -> None:
    run("wandb-0.31.0", program("wandb"), ended, str(tmp_path))
    (logged,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    missing = [
        word for word in (b'"ft:tiny-qwen2:', b"valid_loss", b"train_accuracy") if word not in logged.read_bytes()
    ]
    assert not missing
