"""Served models by the API: started once, listed as jobs, ended by who may."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import speak_for
from tests.factories import make_job, make_limit, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.queue.limits.limit import LimitKind

SERVE = "/api/v1/models/serve"


def serve(client: TestClient, model: str = "tiny-qwen2", **more: Any) -> Any:
    answer = client.post(SERVE, json={"model": model, **more})
    return answer.json() if answer.status_code == 202 else answer


def test_it_is_a_job_that_is_made_once(client: TestClient) -> None:
    job = serve(client)
    assert (job["kind"], job["name"], job["status"]) == ("serve", "serving tiny-qwen2", "queued")
    assert job["resources"]["gpus_per_node"] == 1
    assert job["resources"]["time_limit"] == "08:00:00"
    assert serve(client)["id"] == job["id"]
    listed = client.get("/api/v1/jobs", params={"kind": "serve"}).json()["data"]
    assert [each["id"] for each in listed] == [job["id"]]


def test_the_result_of_a_job_is_served_by_its_name(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(
            session, session.get_one(User, user.id), status=JobStatus.SUCCEEDED,
            config={"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen", "stage": "sft"},
        )  # fmt: skip
    served = serve(client, f"ft:a:b:c:{job.id.removeprefix('job_')}")
    assert (served["source_job"], served["config"]["template"]) == (job.id, "qwen")


def test_stopping_it_cancels_its_job(client: TestClient) -> None:
    job = serve(client)
    answer = client.delete(SERVE, params={"model": "tiny-qwen2"})
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, job["id"], "cancelled")
    assert client.delete(SERVE, params={"model": "tiny-qwen2"}).status_code == 404
    assert serve(client)["id"] != job["id"]


def test_another_persons_server_is_theirs_to_end(
    client: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
) -> None:
    job = serve(client)
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
    other = speak_for(anonymous, sessions, bob)
    assert serve(other)["id"] == job["id"]
    assert other.delete(SERVE, params={"model": "tiny-qwen2"}).status_code == 403


def test_a_limit_is_told_and_nothing_is_started(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 0)
    answer = serve(client)
    assert answer.status_code == 422
    assert "GPU" in answer.json()["errors"][0]["message"]
    with sessions() as session:
        assert session.query(Job).count() == 0


@pytest.mark.parametrize(("model", "more", "status"), [("absent", {}, 404), ("tiny-qwen2", {"cluster": "absent"}, 422)])
def test_what_is_not_there_is_not_served(client: TestClient, model: str, more: Any, status: int) -> None:
    assert serve(client, model, **more).status_code == status


@pytest.mark.parametrize("action", ["retry", "clone"])
def test_it_is_asked_for_again_and_not_copied(client: TestClient, action: str) -> None:
    job = serve(client)
    client.delete(SERVE, params={"model": "tiny-qwen2"})
    answer = client.post(f"/api/v1/jobs/{job['id']}/{action}")
    assert answer.status_code == 409
    assert "POST /models/serve" in answer.json()["hint"]


def test_its_script_can_be_looked_at_before_it_runs(client: TestClient) -> None:
    job = serve(client)
    script = client.get(f"/api/v1/jobs/{job['id']}/script")
    assert script.status_code == 200
    assert "command=serve" in script.text
