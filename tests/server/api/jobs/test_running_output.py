"""What a run has written so far can be listed and read while it runs."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON
from tests.local_transport import LocalTransport
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job

LOG = b'{"current_steps": 5}\n'


@pytest.fixture
def path(running_job: Job) -> str:
    return f"/api/v1/jobs/{running_job.id}"


@pytest.fixture
def output(root: Path, running_job: Job) -> Path:
    output = root / "jobs" / running_job.id / "output"
    for name in (
        "checkpoint-5/adapter_model.safetensors",
        "checkpoint-5/trainer_state.json",
        "checkpoint-10/model.bin",
    ):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(b"12")
    (output / "trainer_log.jsonl").write_bytes(LOG)
    (output.parent / "1/secrets").mkdir(parents=True)
    (output.parent / "1/secrets/HF_TOKEN").write_text("secret")
    return output


def test_its_files_are_listed(client: TestClient, path: str, output: Path) -> None:
    answer = client.get(f"{path}/artifacts").json()
    assert [file["path"] for file in answer["data"]] == [
        "checkpoint-10/model.bin",
        "checkpoint-5/adapter_model.safetensors",
        "checkpoint-5/trainer_state.json",
        "trainer_log.jsonl",
    ]
    assert answer["listed_at"] is not None
    assert answer["total_bytes"] == 6 + len(LOG)


def test_its_log_can_be_read(client: TestClient, path: str, output: Path) -> None:
    assert client.get(f"{path}/artifacts/trainer_log.jsonl").content == LOG
    (output / "trainer_log.jsonl").write_bytes(LOG * 2)
    assert client.get(f"{path}/artifacts/trainer_log.jsonl", headers={"Range": f"bytes={len(LOG)}-"}).content == LOG


def test_its_checkpoints_are_those_that_are_whole(client: TestClient, path: str, output: Path) -> None:
    answer = client.get(f"{path}/checkpoints").json()
    assert [(each["step"], each["files"], each["size_bytes"]) for each in answer["data"]] == [(5, 2, 4)]
    assert answer["listed_at"] is not None


@pytest.mark.parametrize(
    "name",
    ["../1/secrets/HF_TOKEN", "..%2f1%2fsecrets%2fHF_TOKEN", "link", "way/HF_TOKEN", "gone", "checkpoint-5", "%00"],
)
def test_nothing_else_can_be_read(client: TestClient, path: str, output: Path, name: str) -> None:
    (output / "link").symlink_to("../1/secrets/HF_TOKEN")
    (output / "way").symlink_to("../1/secrets")
    answer = client.get(f"{path}/artifacts/{name}")
    assert answer.status_code in (403, 404)
    assert b"secret" not in answer.content.partition(b"detail")[0]


def test_many_readers_cost_the_cluster_one_command(
    client: TestClient, path: str, output: Path, node: LocalTransport
) -> None:
    for _ in range(5):
        client.get(f"{path}/artifacts")
        client.get(f"{path}/checkpoints")
    assert len(node.commands) == 1


def test_without_its_cluster_the_files_are_as_the_last_attempt_left_them(
    client: TestClient, path: str, node: LocalTransport, sessions: sessionmaker[Session], running_job: Job
) -> None:
    with transaction(sessions) as session:
        left = "checkpoint-3/trainer_state.json"
        session.add(Artifact(job_id=running_job.id, path=left, size_bytes=7, modified_at=NOON))
    node.is_cut_off = True
    artifacts, checkpoints = client.get(f"{path}/artifacts").json(), client.get(f"{path}/checkpoints").json()
    assert ([file["path"] for file in artifacts["data"]], artifacts["listed_at"]) == ([left], None)
    assert ([each["step"] for each in checkpoints["data"]], checkpoints["listed_at"]) == ([3], None)
