"""Jobs that are based on others, or wait for them."""

from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

CONFIG = {"model_name_or_path": "/shared/models/tiny-qwen2", "dataset": "identity", "template": "qwen"}
Sessions = sessionmaker[Session]


@pytest.fixture
def trained(sessions: Sessions, user: User) -> Job:
    """A LoRA training that has succeeded, with two checkpoints."""
    with transaction(sessions) as session:
        job = make_job(
            session, user, status=JobStatus.SUCCEEDED, attempt=1, config={**CONFIG, "finetuning_type": "lora"}
        )
        for path in ("adapter_model.safetensors", "checkpoint-5/a", "checkpoint-5/b", "checkpoint-10/a"):
            session.add(Artifact(job_id=job.id, path=path, size_bytes=100, modified_at=NOON))
        return job


def errors(answer: Any) -> list[tuple[list[str | int], str]]:
    assert answer.status_code == 422, answer.text
    return [(error["loc"][1:], error["message"]) for error in answer.json()["errors"]]


def test_an_adapter_is_merged_by_naming_its_training(client: TestClient, trained: Job) -> None:
    job = client.post("/api/v1/jobs", json={"kind": "export", "source_job": trained.id}).json()
    assert (job["kind"], job["source_job"], job["depends_on"]) == ("export", trained.id, [])
    config = client.get(job["links"]["config"]).text
    assert f"/jobs/{trained.id}/output\n" in config
    assert "model_name_or_path: /shared/models/tiny-qwen2" in config
    assert "llamafactory-cli" in client.get(job["links"]["script"]).text


def test_one_of_its_checkpoints_is_used_by_its_step(client: TestClient, trained: Job) -> None:
    request = {"source_job": trained.id, "checkpoint": 5, "config": {"dataset": "identity"}}
    job = client.post("/api/v1/jobs", json=request).json()
    assert f"/jobs/{trained.id}/output/checkpoint-5" in client.get(job["links"]["config"]).text
    refused = client.post("/api/v1/jobs", json={**request, "checkpoint": 7})
    assert errors(refused) == [(["checkpoint"], f"{trained.id} has no checkpoint 7")]
    assert refused.json()["errors"][0]["hint"] == "it has: 5, 10"


def test_what_cannot_be_a_source_is_said(client: TestClient, trained: Job, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        failed = make_job(session, user, status=JobStatus.FAILED, config=CONFIG)
        whole = make_job(session, user, status=JobStatus.SUCCEEDED, config={**CONFIG, "finetuning_type": "full"})
        elsewhere = make_job(session, user, status=JobStatus.SUCCEEDED, cluster="other", config=CONFIG)

    def post(**body: Any) -> list[tuple[list[str | int], str]]:
        return errors(client.post("/api/v1/jobs", json=body))

    assert post(kind="export", source_job="job_none") == [(["source_job"], "there is no job job_none")]
    assert post(kind="export", source_job=failed.id) == [
        (["source_job"], f"{failed.id} is failed: it left no final model")
    ]
    assert "no adapter to merge" in post(kind="export", source_job=whole.id)[0][1]
    lab = {"cluster": "lab"}
    assert "its files lie there" in post(kind="export", source_job=elsewhere.id, resources=lab)[0][1]
    assert post(config=CONFIG, checkpoint=5) == [(["checkpoint"], "a checkpoint of which job?")]


def test_a_source_that_has_not_ended_is_waited_for(client: TestClient) -> None:
    first = client.post("/api/v1/jobs", json={"config": CONFIG}).json()
    second = client.post("/api/v1/jobs", json={"kind": "export", "source_job": first["id"]}).json()
    assert (second["depends_on"], second["status_reason"]) == ([first["id"]], f"waits for {first['id']}")


def test_a_job_waits_for_others_by_name(client: TestClient, trained: Job, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        failed = make_job(session, user, status=JobStatus.CANCELLED)
    first = client.post("/api/v1/jobs", json={"config": CONFIG}).json()["id"]
    job = client.post("/api/v1/jobs", json={"config": CONFIG, "depends_on": [first, trained.id]}).json()
    assert job["depends_on"] == [first], "what has succeeded is not waited for"
    refused = client.post("/api/v1/jobs", json={"config": CONFIG, "depends_on": [failed.id, "job_none"]})
    assert [loc for loc, _ in errors(refused)] == [["depends_on", 0], ["depends_on", 1]]


def test_what_others_wait_for_is_not_deleted(client: TestClient, sessions: Sessions) -> None:
    first = client.post("/api/v1/jobs", json={"config": CONFIG}).json()["id"]
    second = client.post("/api/v1/jobs", json={"config": CONFIG, "depends_on": [first]}).json()["id"]
    client.post(f"/api/v1/jobs/{first}/cancel")
    answer = client.delete(f"/api/v1/jobs/{first}")
    assert answer.status_code == 409
    assert second in answer.text


def test_data_of_another_stage_is_refused_before_it_waits(client: TestClient, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        ranking = make_dataset(session, user, entry={"formatting": "alpaca", "ranking": True, "columns": {}}).id
    config = {"model_name_or_path": "tiny-qwen2", "template": "qwen"}
    refused = client.post("/api/v1/jobs", json={"config": config, "datasets": [ranking]})
    assert [loc for loc, _ in errors(refused)] == [["config", "stage"]]
    fits = client.post("/api/v1/jobs", json={"config": {**config, "stage": "dpo"}, "datasets": [ranking]})
    assert fits.status_code == 201


def test_checkpoints_are_listed_with_their_size(client: TestClient, trained: Job) -> None:
    answer = client.get(f"/api/v1/jobs/{trained.id}/checkpoints").json()
    assert [(one["step"], one["size_bytes"], one["files"]) for one in answer["data"]] == [(5, 200, 2), (10, 100, 1)]
    assert (answer["total_bytes"], answer["data"][0]["path"]) == (300, "checkpoint-5")


def test_a_checkpoint_is_removed_on_wish(client: TestClient, trained: Job) -> None:
    path = f"/api/v1/jobs/{trained.id}/checkpoints"
    assert client.delete(f"{path}/5").status_code == 202
    assert client.delete(f"{path}/5").status_code == 202, "twice is once"
    assert [one["is_being_removed"] for one in client.get(path).json()["data"]] == [True, False]
    assert client.delete(f"{path}/7").status_code == 404


def test_nobody_removes_anothers_checkpoint_nor_one_that_is_needed(
    client: TestClient, trained: Job, sessions: Sessions, user: User
) -> None:

    with transaction(sessions) as session:
        other = make_user(session, name="bob")
        running = make_job(session, user, status=JobStatus.RUNNING)
    bob = speak_for(client, sessions, other)
    assert bob.delete(f"/api/v1/jobs/{trained.id}/checkpoints/5").status_code == 403
    request = {"source_job": trained.id, "checkpoint": 5, "config": {"dataset": "identity"}}
    waiting = client.post("/api/v1/jobs", json=request).json()["id"]
    needed = client.delete(f"/api/v1/jobs/{trained.id}/checkpoints/5")
    assert (needed.status_code, waiting in needed.json()["detail"]) == (409, True)
    assert client.delete(f"/api/v1/jobs/{trained.id}/checkpoints/10").status_code == 202
    assert errors(client.post("/api/v1/jobs", json={**request, "checkpoint": 10})) == [
        (["checkpoint"], f"{trained.id} has no checkpoint 10")
    ]
    assert client.delete(f"/api/v1/jobs/{running.id}/checkpoints/5").status_code == 409
