"""Trainings that go on from what an ended one left, with its optimizer: by a retry, a clone, or a new request."""

from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job
from tuning.db.engine import transaction
from tuning.jobs.actions.removals import ask_removal
from tuning.jobs.layout import checkpoint_path
from tuning.jobs.models import Artifact, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

CONFIG = {"model_name_or_path": "/shared/models/tiny-qwen2", "dataset": "identity", "template": "qwen"}
Sessions = sessionmaker[Session]


@pytest.fixture
def crashed(sessions: Sessions, user: User) -> Job:
    """A training that crashed, with two whole checkpoints and one that was being written."""
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.FAILED, attempt=1, config=CONFIG)
        for path in ("checkpoint-50/trainer_state.json", "checkpoint-100/trainer_state.json", "checkpoint-150/a"):
            session.add(Artifact(job_id=job.id, path=path, size_bytes=100, modified_at=NOON))
        return job


def retried(client: TestClient, job: Job, **body: Any) -> Any:
    answer = client.post(f"/api/v1/jobs/{job.id}/retry", json=body)
    return answer.json() if answer.status_code == 201 else answer.json()["errors"][0]


@pytest.mark.parametrize(("asked", "step"), [({}, 100), ({"checkpoint": None}, 100), ({"checkpoint": 50}, 50)])
def test_a_retry_goes_on_from_a_checkpoint(client: TestClient, crashed: Job, asked: dict[str, Any], step: int) -> None:
    new = retried(client, crashed, resume_from=asked)
    assert (new["resume_from"], new["retry_of"]) == ({"job": crashed.id, "checkpoint": step}, crashed.id)
    script = client.get(new["links"]["script"]).text
    assert f"resume=$root/jobs/{crashed.id}/output/checkpoint-{step} " in script
    assert f"own_places=( jobs/{new['id']} jobs/{crashed.id}/output )" in script


def test_a_retry_of_that_asks_for_the_same(client: TestClient, crashed: Job) -> None:
    first = retried(client, crashed, resume_from={"checkpoint": 50})
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    path = f"/api/v1/jobs/{first['id']}/retry"
    assert client.post(path).json()["resume_from"] == {"job": crashed.id, "checkpoint": 50}
    assert client.post(path, json={"resume_from": None}).json()["resume_from"] is None


def test_without_the_wish_it_begins_anew(client: TestClient, crashed: Job) -> None:
    new = retried(client, crashed)
    assert new["resume_from"] is None
    assert "resume=" not in client.get(new["links"]["script"]).text


def test_a_new_request_names_the_job_and_is_checked_before(client: TestClient, crashed: Job) -> None:
    body = {"config": {**CONFIG, "max_steps": 900}, "resume_from": {"job": crashed.id}}
    found = client.post("/api/v1/jobs/validate", json=body).json()
    assert (found["valid"], "checkpoint-100 place" in found["script"]) == (True, True)
    body["config"] = {**CONFIG, "lora_rank": 64}
    (error,) = client.post("/api/v1/jobs/validate", json=body).json()["errors"]
    assert (error["loc"], "lora_rank was 8 and is 64" in error["message"]) == (["body", "config", "lora_rank"], True)


def test_what_cannot_be_gone_on_from_is_said(client: TestClient, crashed: Job) -> None:
    assert retried(client, crashed, resume_from={"checkpoint": 150})["hint"] == "it has: 50, 100"
    assert "there is no job job_gone" in retried(client, crashed, resume_from={"job": "job_gone"})["message"]
    answer = client.post("/api/v1/jobs", json={"config": CONFIG, "resume_from": {}})
    assert answer.json()["errors"][0]["message"] == "a checkpoint of which job?"


def test_a_checkpoint_that_is_to_be_removed_is_none(client: TestClient, crashed: Job, sessions: Sessions) -> None:
    with transaction(sessions) as session:
        ask_removal(session, crashed.id, checkpoint_path(100), NOON)
    assert retried(client, crashed, resume_from={})["resume_from"]["checkpoint"] == 50


def test_the_checkpoint_that_a_waiting_job_goes_on_from_is_not_removed(client: TestClient, crashed: Job) -> None:
    new = retried(client, crashed, resume_from={})
    path = f"/api/v1/jobs/{crashed.id}/checkpoints/100"
    assert (client.delete(path).status_code, new["id"] in client.delete(path).json()["detail"]) == (409, True)
    client.post(f"/api/v1/jobs/{new['id']}/cancel")
    assert client.delete(path).status_code == 202


def test_nor_is_one_that_a_waiting_job_uses(client: TestClient, crashed: Job) -> None:
    body = {"source_job": crashed.id, "checkpoint": 50, "config": {"dataset": "identity"}}
    assert client.post("/api/v1/jobs", json=body).status_code == 201
    assert client.delete(f"/api/v1/jobs/{crashed.id}/checkpoints/50").status_code == 409
