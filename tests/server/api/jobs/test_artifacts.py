"""Artifacts: the list, ranges, and the archive."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.clusters.transfer_budget import TransferLimits
from tests.factories import NOON, make_job
from tests.local_transport import LocalTransport
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

Leave = Callable[..., None]
CONTENT = bytes(range(256)) * 20


@pytest.fixture
def ended_job(sessions: sessionmaker[Session], user: User) -> Job:
    with transaction(sessions) as session:
        return make_job(session, user, status=JobStatus.SUCCEEDED, attempt=1)


@pytest.fixture
def path(ended_job: Job) -> str:
    return f"/api/v1/jobs/{ended_job.id}/artifacts"


@pytest.fixture
def output(root: Path, ended_job: Job) -> Path:
    output = root / "jobs" / ended_job.id / "output"
    output.mkdir(parents=True)
    return output


@pytest.fixture
def leave(sessions: sessionmaker[Session], ended_job: Job, output: Path) -> Leave:
    """Leave a file in the output folder, and its row."""

    def leave(path: str, content: bytes = CONTENT, *, is_listed: bool = True) -> None:
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(content)
        if is_listed:
            with transaction(sessions) as session:
                session.add(Artifact(job_id=ended_job.id, path=path, size_bytes=len(content), modified_at=NOON))

    return leave


def test_the_list_says_what_each_file_is(client: TestClient, path: str, leave: Leave) -> None:
    leave("adapter_model.safetensors")
    leave("checkpoint-5/trainer state.json", b"{}")
    answer = client.get(path).json()
    assert answer["total_bytes"] == len(CONTENT) + 2
    adapter, checkpoint = answer["data"]
    assert adapter == {
        "path": "adapter_model.safetensors",
        "kind": "adapter",
        "description": adapter["description"],
        "size_bytes": len(CONTENT),
        "modified_at": "2026-11-21T12:00:00Z",
        "url": f"{path}/adapter_model.safetensors",
    }
    assert (checkpoint["kind"], checkpoint["url"]) == ("checkpoint", f"{path}/checkpoint-5/trainer%20state.json")
    assert client.get(checkpoint["url"]).content == b"{}"


def test_the_whole_file(client: TestClient, path: str, leave: Leave, node: LocalTransport) -> None:
    leave("adapter_model.safetensors")
    answer = client.get(f"{path}/adapter_model.safetensors")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''adapter_model.safetensors"
    assert node.open_files == 0


def test_an_empty_file(client: TestClient, path: str, leave: Leave) -> None:
    leave("empty", b"")
    answer = client.get(f"{path}/empty")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("header", "start", "stop"), [("bytes=0-9", 0, 10), ("bytes=5000-", 5000, 5120), ("bytes=-7", 5113, 5120)]
)
def test_a_range(client: TestClient, path: str, leave: Leave, header: str, start: int, stop: int) -> None:
    leave("model.bin")
    answer = client.get(f"{path}/model.bin", headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/5120"
    assert answer.headers["content-length"] == str(stop - start)


def test_a_range_that_cannot_be(client: TestClient, path: str, leave: Leave) -> None:
    leave("model.bin")
    answer = client.get(f"{path}/model.bin", headers={"Range": "bytes=6000-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */5120")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_range_holds_for_the_same_file_only(client: TestClient, path: str, leave: Leave) -> None:
    leave("model.bin")
    tag = client.get(f"{path}/model.bin").headers["etag"]
    going_on = {"Range": "bytes=5000-", "If-Range": tag}
    assert client.get(f"{path}/model.bin", headers=going_on).status_code == 206
    assert client.get(f"{path}/model.bin", headers={**going_on, "If-Range": '"other"'}).content == CONTENT


def test_the_head_alone(client: TestClient, path: str, leave: Leave, node: LocalTransport) -> None:
    leave("model.bin")
    answer = client.head(f"{path}/model.bin")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "5120"
    part = client.head(f"{path}/model.bin", headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


@pytest.mark.parametrize(
    "name",
    ["secret", "../secret", "..%2fsecret", ".%2Fmodel.bin", "model.bin/", "%00", "MODEL.BIN", "sub", "//model.bin"],
)
def test_only_what_is_listed_by_exactly_its_path(client: TestClient, path: str, leave: Leave, name: str) -> None:
    leave("model.bin")
    leave("sub/model.bin")
    leave("secret", is_listed=False)
    leave("../secret", is_listed=False)
    answer = client.get(f"{path}/{name}")
    assert answer.status_code in {404, 405}
    assert CONTENT not in answer.content


def test_a_link_that_leads_out_is_not_served(
    client: TestClient, path: str, leave: Leave, output: Path, root: Path
) -> None:
    leave("model.bin")
    (root / "key").write_bytes(b"secret")
    (output / "model.bin").unlink()
    (output / "model.bin").symlink_to(root / "key")
    answer = client.get(f"{path}/model.bin")
    assert answer.status_code == 403
    assert "secret" not in answer.text
    assert client.get(path.replace("artifacts", "archive")).status_code == 403


@pytest.mark.parametrize("level", ["output", "job", "jobs"])
def test_a_folder_that_is_a_link_is_not_served(
    client: TestClient, path: str, leave: Leave, output: Path, root: Path, level: str
) -> None:
    leave("model.bin")
    place = {"output": output, "job": output.parent, "jobs": output.parent.parent}[level]
    place.rename(root / "elsewhere")
    place.symlink_to(root / "elsewhere")
    for url in (f"{path}/model.bin", path.replace("artifacts", "archive")):
        answer = client.get(url)
        assert (answer.status_code, CONTENT in answer.content) == (403, False)


def test_a_file_that_is_gone_from_the_cluster(client: TestClient, path: str, leave: Leave, output: Path) -> None:
    leave("model.bin")
    (output / "model.bin").unlink()
    answer = client.get(f"{path}/model.bin")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert client.get(path.replace("artifacts", "archive")).status_code == 404


def test_an_unreachable_cluster_is_said_with_its_reason(
    client: TestClient, path: str, leave: Leave, node: LocalTransport
) -> None:
    leave("model.bin")
    node.is_cut_off = True
    for _ in range(TransferLimits().in_all + 1):  # a failure is given back to the budget
        answer = client.get(f"{path}/model.bin")
        assert (answer.status_code, "broke" in answer.json()["detail"]) == (503, True)
    node.is_cut_off = False
    assert client.get(f"{path}/model.bin").status_code == 200


def test_over_the_budget_one_is_told_when_to_come_back(
    client: TestClient, path: str, leave: Leave, app: FastAPI
) -> None:
    leave("model.bin")
    held = [app.state.cluster_files.transfer("lab", f"user_{number}") for number in range(TransferLimits().in_all)]
    for transfer in held:
        transfer.__enter__()
    answer = client.get(f"{path}/model.bin")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    for transfer in held:
        transfer.__exit__(None, None, None)
    for _ in range(TransferLimits().in_all + 1):  # a finished download is given back to the budget
        assert client.get(f"{path}/model.bin").status_code == 200


def test_a_listed_job_without_files(client: TestClient, path: str) -> None:
    assert client.get(path).json() == {"data": [], "total_bytes": 0, "listed_at": None}


class TestTheArchive:
    @pytest.fixture
    def archive(self, path: str) -> str:
        return path.replace("artifacts", "archive")

    def test_the_model_without_checkpoints_logs_and_plots(
        self, client: TestClient, archive: str, leave: Leave, ended_job: Job, node: LocalTransport
    ) -> None:
        kept = {
            "adapter_model.safetensors": CONTENT,
            "adapter_config.json": b"{}",
            "README.md": b"",
            "sub/own code.py": b"x",
        }
        for name, content in kept.items():
            leave(name, content)
        for name in (
            "checkpoint-5/adapter_model.safetensors",
            "trainer_log.jsonl",
            "training_loss.png",
            "training_args.bin",
        ):
            leave(name)
        answer = client.get(archive)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
        assert answer.headers["content-length"] == str(len(answer.content))
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as opened:
            files = {info.name: opened.extractfile(info) for info in opened}
            found = {name: file.read() for name, file in files.items() if file}
        assert found == {f"{ended_job.id}/{name}": content for name, content in kept.items()}
        assert len(node.commands) == 2, "one look at all files, one transfer of all"

    def test_a_job_without_a_model(self, client: TestClient, archive: str, leave: Leave) -> None:
        leave("trainer_log.jsonl")
        assert client.get(archive).status_code == 404
