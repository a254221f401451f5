"""Cancel, hold, release, retry, clone."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_dataset, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import ENDED, ON_CLUSTER, JobStatus
from tuning.people.models import User
from tuning.settings import ClusterSettings

REQUEST: dict[str, Any] = {
    "name": "wmt ja-en",
    "config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen", "lora_rank": 8},
    "tags": {"team": "mt"},
    "resources": {"time_limit": "02:00:00"},
}


def made(sessions: sessionmaker[Session], user: User, **columns: Any) -> str:
    with transaction(sessions) as session:
        return make_job(session, user, **columns).id


def event_types(sessions: sessionmaker[Session], job_id: str) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(JobEvent.type).where(JobEvent.job_id == job_id).order_by(JobEvent.id)))


@pytest.mark.parametrize("status", [JobStatus.HELD, JobStatus.QUEUED])
def test_a_waiting_job_is_cancelled_at_once(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus
) -> None:
    job_id = made(sessions, user, status=status)
    job = client.post(f"/api/v1/jobs/{job_id}/cancel").json()
    assert (job["status"], job["status_reason"], job["queue_position"]) == ("cancelled", "cancelled by ada", None)
    assert job["finished_at"] == job["cancel_requested_at"] == "2026-11-21T12:00:00Z"
    assert event_types(sessions, job_id) == ["job.cancel_requested", "job.cancelled"]


@pytest.mark.parametrize("status", [JobStatus.SUBMITTING, *sorted(ON_CLUSTER)])
def test_a_job_on_its_way_or_at_slurm_is_asked_to_end_once(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus
) -> None:
    job_id = made(sessions, user, status=status)
    first = client.post(f"/api/v1/jobs/{job_id}/cancel").json()
    again = client.post(f"/api/v1/jobs/{job_id}/cancel")
    assert (first["status"], first["cancel_requested_at"]) == (status, "2026-11-21T12:00:00Z")
    assert first["progress"]["version"] == 2
    assert (again.status_code, again.json()) == (200, first)
    assert event_types(sessions, job_id) == ["job.cancel_requested"]


@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_ended_job_cannot_be_cancelled_unless_it_is(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus
) -> None:
    answer = client.post(f"/api/v1/jobs/{made(sessions, user, status=status)}/cancel")
    assert answer.status_code == (200 if status is JobStatus.CANCELLED else 409)


def test_a_job_is_held_and_let_go(client: TestClient) -> None:
    path = f"/api/v1/jobs/{client.post('/api/v1/jobs', json=REQUEST).json()['id']}"
    for action, status in (("hold", "held"), ("hold", "held"), ("release", "queued"), ("release", "queued")):
        answer = client.post(f"{path}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)


@pytest.mark.parametrize(
    ("status", "action"),
    [
        *((status, "hold") for status in sorted(ENDED)),
        *((status, "release") for status in sorted(set(JobStatus) - {JobStatus.HELD, JobStatus.QUEUED})),
    ],
)
def test_a_job_that_cannot_be_is_neither_held_nor_let_go(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus, action: str
) -> None:
    """For the worker the table has steps from here back to `queued`: taken by hand they would submit twice."""
    job_id = made(sessions, user, status=status)
    answer = client.post(f"/api/v1/jobs/{job_id}/{action}")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("status", [JobStatus.SUBMITTING, JobStatus.PENDING, JobStatus.RUNNING])
def test_the_hold_of_a_job_that_slurm_has_can_be_taken_back(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: JobStatus
) -> None:
    path = f"/api/v1/jobs/{made(sessions, user, status=status)}"
    held = [client.post(f"{path}/hold").json() for _ in range(2)]
    assert [(job["status"], bool(job["hold_requested_at"])) for job in held] == [(status, True)] * 2
    released = client.post(f"{path}/release").json()
    assert (released["status"], released["hold_requested_at"]) == (status, None)


def test_what_has_no_checkpoints_cannot_be_held_while_it_runs(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job_id = made(sessions, user, status=JobStatus.RUNNING, kind="predict")
    answer = client.post(f"/api/v1/jobs/{job_id}/hold")
    assert (answer.status_code, "predict" in answer.json()["detail"]) == (409, True)


def test_a_cancellation_may_save_first_and_be_hurried_later(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job_id = made(sessions, user, status=JobStatus.RUNNING)
    for save, expected in ((True, True), (True, True), (False, None), (True, None)):
        assert client.post(f"/api/v1/jobs/{job_id}/cancel", json={"save": save}).status_code == 200
        with sessions() as session:
            assert session.get_one(Job, job_id).cancel_saves is expected
    assert client.post(f"/api/v1/jobs/{job_id}/hold").status_code == 409


def test_a_retry_asks_for_the_same_and_names_its_origin(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    first = client.post("/api/v1/jobs", json={**REQUEST, "priority": 3}).json()
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    answer = client.post(f"/api/v1/jobs/{first['id']}/retry")
    new = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/jobs/{new['id']}")
    assert (new["status"], new["retry_of"]) == ("queued", first["id"])
    for field in ("name", "config", "resources", "tags", "priority", "datasets"):
        assert new[field] == first[field], field


def test_a_retry_may_change_arguments_and_resources_one_by_one(client: TestClient) -> None:
    first = client.post("/api/v1/jobs", json=REQUEST).json()
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    changes = {"config": {"lora_rank": 16}, "resources": {"nodes": 2}, "name": "again", "held": True}
    new = client.post(f"/api/v1/jobs/{first['id']}/retry", json=changes).json()
    assert new["config"] == {**first["config"], "lora_rank": 16}
    assert (new["resources"]["nodes"], new["resources"]["time_limit"]) == (2, "02:00:00")
    assert (new["name"], new["status"], new["tags"]) == ("again", "held", {"team": "mt"})


FAILED: dict[str, Any] = {"code": "x", "message": "m", "hint": None, "evidence": []}


@pytest.mark.parametrize(
    "advised",
    [
        {},
        {"config": {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 16}},
        {"config": {"disable_gradient_checkpointing": False}},
        {"config": {"deepspeed": "zero3"}},
        {"config": {"fp16": False, "bf16": True}},
        {"resources": {"memory": "128G"}},
        {"resources": {"time_limit": "1-00:00:00"}},
        {"resources": {"exclude": "n7"}},
    ],
)
def test_a_failures_advice_is_accepted_as_it_stands(
    client: TestClient, sessions: sessionmaker[Session], user: User, advised: dict[str, Any]
) -> None:
    first = client.post("/api/v1/jobs", json=REQUEST).json()
    with transaction(sessions) as session:
        job = session.get_one(Job, first["id"])
        job.status, job.failure = JobStatus.FAILED, {**FAILED, "retry": advised}
    path = f"/api/v1/jobs/{first['id']}"
    answer = client.post(f"{path}/retry", json=client.get(path).json()["failure"]["retry"])
    assert answer.status_code == 201, answer.json()
    new = answer.json()
    for place in ("config", "resources"):
        assert new[place] == {**first[place], **advised.get(place, {})}


def test_failures_from_before_there_was_advice_have_none(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job_id = made(sessions, user, status=JobStatus.FAILED, failure=FAILED)
    assert client.get(f"/api/v1/jobs/{job_id}").json()["failure"] == {**FAILED, "retry": None}


def test_a_retry_under_a_key_makes_one_job(client: TestClient) -> None:
    first = client.post("/api/v1/jobs", json=REQUEST).json()
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    answers = [client.post(f"/api/v1/jobs/{first['id']}/retry", headers={"Idempotency-Key": "r"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"] != first["id"]


@pytest.mark.parametrize(
    "changes",
    [
        {"config_yaml": "lora_rank: 16"},
        {"command": "llamafactory-cli train a.yaml"},
        {"script": "a"},
        {"config": {"lora_rnk": 1}},
        {"nme": "x"},
        {"resources": {"nodes": 0}},
    ],
)
def test_a_retry_with_changes_that_may_not_be_is_refused(client: TestClient, changes: dict[str, Any]) -> None:
    first = client.post("/api/v1/jobs", json=REQUEST).json()
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    assert client.post(f"/api/v1/jobs/{first['id']}/retry", json=changes).status_code == 422


def test_what_still_runs_is_cloned_not_retried(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    config = {"model_name_or_path": "/shared/models/tiny-qwen2", "template": "qwen"}
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, config=config)
        dataset_id = make_dataset(session, user, job=job).id
    assert client.post(f"/api/v1/jobs/{job.id}/retry").status_code == 409
    clone = client.post(f"/api/v1/jobs/{job.id}/clone")
    assert clone.status_code == 201
    assert (clone.json()["retry_of"], clone.json()["datasets"]) == (None, [dataset_id])


def test_a_clone_of_another_users_job_is_ones_own(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    theirs = administrator.post("/api/v1/jobs", json=REQUEST).json()
    mine = client.post(f"/api/v1/jobs/{theirs['id']}/clone").json()
    assert (theirs["owner"], mine["owner"]) == ("root", "ada")
    with sessions() as session:
        assert session.get_one(Job, mine["id"]).status is JobStatus.QUEUED


def test_a_retry_takes_its_dependents_along_once(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    first = client.post("/api/v1/jobs", json=REQUEST).json()["id"]
    second = client.post("/api/v1/jobs", json={**REQUEST, "depends_on": [first]}).json()["id"]
    with transaction(sessions) as session:
        for job_id, code in ((first, "crashed"), (second, "dependency")):
            job = session.get_one(Job, job_id)
            job.status, job.failure = JobStatus.FAILED, {**FAILED, "code": code}
    key = {"Idempotency-Key": "once"}
    for status in (201, 200):
        answer = client.post(f"/api/v1/jobs/{first}/retry", json={"with_dependents": True}, headers=key)
        assert answer.status_code == status
    retries = [job for job in client.get("/api/v1/jobs").json()["data"] if job["retry_of"] == second]
    assert [job["depends_on"] for job in retries] == [[answer.json()["id"]]]
    assert client.post(f"/api/v1/jobs/{first}/clone", json={"with_dependents": True}).status_code == 422


def test_variables_and_options_stay_with_a_retry(client: TestClient, clusters: dict[str, ClusterSettings]) -> None:
    clusters["lab"] = clusters["lab"].model_copy(update={"job_options": ("reservation",)})
    resources = {
        **REQUEST["resources"],
        "options": {"reservation": "course"},
        "partition": "gpu,preempt",
        "memory": "0",
    }
    body = {**REQUEST, "environment": {"WANDB_PROJECT": "mt"}, "resources": resources}
    body["config"] = {**REQUEST["config"], "report_to": "wandb"}
    first = client.post("/api/v1/jobs", json=body).json()
    client.post(f"/api/v1/jobs/{first['id']}/cancel")
    new = client.post(f"/api/v1/jobs/{first['id']}/retry").json()
    assert (new["environment"], new["resources"]["options"]) == ({"WANDB_PROJECT": "mt"}, {"reservation": "course"})
    script = client.get(new["links"]["script"]).text
    for line in ("#SBATCH --reservation=course\n", "#SBATCH --partition=gpu,preempt\n", "#SBATCH --mem=0\n"):
        assert line in script
    assert f"WANDB_PROJECT=mt WANDB_RUN_ID={new['id']} WANDB_RESUME=allow" in script
