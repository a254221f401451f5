"""Data that lies on a cluster, over HTTP: asked for, shown, checked again, deleted, and used by jobs."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import make_cluster_settings, make_dataset, make_job, make_user
from tests.tuning.datasets.files import alpaca, as_array, as_lines, check
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition
from tuning.people.models import User
from tuning.settings import ClusterSettings

PATH = "/api/v1/datasets"
WANTED = {"cluster_path": "/shared/models/data/ja-en.v2.jsonl"}
CONFIG = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "template": "qwen"}


@pytest.fixture
def clusters() -> dict[str, ClusterSettings]:
    return {"lab": make_cluster_settings(), "far": make_cluster_settings(name="far", allowed_roots=("/far",))}


def asked(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={**WANTED, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def settled(sessions: sessionmaker[Session], dataset_id: str, content: bytes | None) -> None:
    """As the worker ends a check."""
    with transaction(sessions) as session:
        dataset = session.get_one(Dataset, dataset_id)
        job = session.get_one(Job, dataset.check_job)
        for status in (JobStatus.SUBMITTING, JobStatus.PENDING, JobStatus.RUNNING, JobStatus.SUCCEEDED):
            transition(session, job, status, "so", job.created_at)
        if content is None:
            dataset.status = DatasetStatus.REFUSED
            dataset.findings = [{"loc": ["file", 2], "message": "not valid JSON", "hint": None}]
            return
        checked = check(content)
        dataset.status, dataset.sha256, dataset.size_bytes = DatasetStatus.READY, "ab" * 32, len(content)
        dataset.extension, dataset.format, dataset.entry = checked.report.encoding, "alpaca", checked.entry
        dataset.report, dataset.head = checked.report.as_json(), content[:-20]


def errors_of(answer: Any) -> list[Any]:
    assert answer.status_code == 422, answer.text
    return [error["loc"] for error in answer.json()["errors"]]


def test_it_is_checked_by_a_job_that_the_server_makes(client: TestClient) -> None:
    answer = client.post(PATH, json=WANTED)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    shown = {name: made[name] for name in ("name", "status", "cluster", "cluster_path", "owner", "findings", "rows")}
    assert shown == {
        "name": "ja-en.v2",
        "status": "checking",
        "cluster": "lab",
        "cluster_path": WANTED["cluster_path"],
        "owner": "ada",
        "findings": None,
        "rows": None,
    }
    assert client.get(answer.headers["location"]).json() == made
    job = client.get(f"/api/v1/jobs/{made['check_job']}").json()
    assert (job["kind"], job["status"], job["owner"]) == ("check", "queued", "ada")
    assert job["name"] == f"check of {WANTED['cluster_path']}"
    assert job["config"] == {"dataset": made["id"], **WANTED}
    assert [one["id"] for one in client.get("/api/v1/jobs", params={"kind": "check"}).json()["data"]] == [job["id"]]


def test_its_script_and_its_order_can_be_read(client: TestClient) -> None:
    job = asked(client, tokenizer="tiny-qwen2", purpose="sft")["check_job"]
    assert "command=check\n" in client.get(f"/api/v1/jobs/{job}/script").text
    order = json.loads(client.get(f"/api/v1/jobs/{job}/config").text)
    assert (order["path"], order["tokenizer"], order["purpose"]) == (
        WANTED["cluster_path"],
        "/shared/models/tiny-qwen2",
        "sft",
    )


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"cluster_path": "/etc/passwd"}, ["body", "cluster_path"]),
        ({"cluster_path": "models/x"}, ["body", "cluster_path"]),
        ({"cluster_path": "/shared/models/../x"}, ["body", "cluster_path"]),
        ({"cluster_path": "/shared/models/a\x00"}, ["body", "cluster_path"]),
        ({"cluster_path": "/far/x"}, ["body", "cluster_path"]),
        ({"cluster_path": ""}, ["body", "cluster_path"]),
        ({"cluster_path": 5}, ["body", "cluster_path"]),
        ({}, ["body", "cluster_path"]),
        ({**WANTED, "cluster": "moon"}, ["body", "cluster"]),
        ({**WANTED, "cluster": "a b"}, ["body", "cluster"]),
        ({**WANTED, "tokenizer": "gpt"}, ["body", "tokenizer"]),
        ({**WANTED, "format": "openai"}, ["body", "format"]),
        ({**WANTED, "purpose": "dpo"}, ["body", "purpose"]),
        ({**WANTED, "name": "a\nb"}, ["body", "name"]),
        ({**WANTED, "nmae": "a"}, ["body", "nmae"]),
        ([], ["body"]),
    ],
)
def test_what_is_wrong_is_said_at_once_and_nothing_is_made(client: TestClient, body: Any, loc: list[str]) -> None:
    assert errors_of(client.post(PATH, json=body)) == [loc]
    assert client.get(PATH).json()["data"] == []
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_hints_name_the_fields_and_the_clusters(client: TestClient) -> None:
    def hint(**changes: Any) -> Any:
        return client.post(PATH, json={**WANTED, **changes}).json()["errors"][0]["hint"]

    assert hint(tokeniser="x") == "did you mean tokenizer?"
    assert hint(cluster="moon") == "the clusters are: far, lab"
    assert "/shared/models" in hint(cluster_path="/etc/passwd")


@pytest.mark.parametrize("content", [b"", b"{", b'{"cluster_path": NaN}', b"[" * 50_000, b'"\\ud800"', b"\xff"])
def test_a_body_that_is_no_json_is_refused(client: TestClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert errors_of(client.post(PATH, content=content, headers=headers))[0][0] == "body"


def test_a_body_that_is_too_large_is_not_held(client: TestClient) -> None:
    answer = client.post(PATH, json={**WANTED, "name": "x" * 100_000})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_stranger_asks_for_nothing(anonymous: TestClient) -> None:
    assert anonymous.post(PATH, json=WANTED).status_code == 401


def test_a_user_makes_no_check_as_a_job(client: TestClient) -> None:
    assert errors_of(client.post("/api/v1/jobs", json={"kind": "check", "config": {}})) == [["body", "kind"]]


def test_while_it_is_checked_there_is_no_report(client: TestClient) -> None:
    made = asked(client)
    for what in ("report", "preview"):
        answer = client.get(f"{PATH}/{made['id']}/{what}")
        assert answer.status_code == 409
        assert made["check_job"] in answer.json()["detail"]


@pytest.mark.parametrize("write", [as_lines, as_array])
def test_once_it_is_ready_it_is_shown_like_any_other(
    client: TestClient, sessions: sessionmaker[Session], write: Any
) -> None:
    made = asked(client)
    settled(sessions, made["id"], write([alpaca(), alpaca(output="x"), alpaca()]))
    shown = client.get(f"{PATH}/{made['id']}").json()
    assert (shown["status"], shown["rows"], shown["format"]) == ("ready", 3, "alpaca")
    assert client.get(f"{PATH}/{made['id']}/report").json()["kept"] == 3
    rows = client.get(f"{PATH}/{made['id']}/preview", params={"template": "llama3"}).json()["rows"]
    assert [row["value"]["output"] for row in rows] == ["It is raining.", "x"], "the head was cut in the third"
    assert rows[0]["pieces"]


def test_a_refused_one_shows_why(client: TestClient, sessions: sessionmaker[Session]) -> None:
    made = asked(client)
    settled(sessions, made["id"], None)
    shown = client.get(f"{PATH}/{made['id']}").json()
    assert shown["status"] == "refused"
    assert shown["findings"] == [{"loc": ["file", 2], "message": "not valid JSON", "hint": None}]
    assert client.get(f"{PATH}/{made['id']}/report").status_code == 409


def test_a_cancelled_check_refuses_its_data_set_and_a_retry_looks_again(client: TestClient) -> None:
    made = asked(client)
    path = f"{PATH}/{made['id']}"
    client.post(f"/api/v1/jobs/{made['check_job']}/cancel")
    refused = client.get(path).json()
    assert refused["status"] == "refused"
    assert made["check_job"] in refused["findings"][0]["message"]
    headers = {"Idempotency-Key": "once"}
    body = {"resources": {"memory": "16G", "partition": "cpu"}}
    answers = [
        client.post(f"/api/v1/jobs/{made['check_job']}/retry", json=body, headers=headers).json() for _ in range(2)
    ]
    assert answers[0]["id"] == answers[1]["id"]
    again = answers[0]
    assert (again["kind"], again["retry_of"], again["resources"]["memory"]) == ("check", made["check_job"], "16G")
    shown = client.get(path).json()
    assert (shown["status"], shown["check_job"], shown["findings"]) == ("checking", again["id"], None)


def test_a_check_is_not_retried_into_anything_else(client: TestClient, sessions: sessionmaker[Session]) -> None:
    made = asked(client)
    job = f"/api/v1/jobs/{made['check_job']}"
    assert client.post(f"{job}/retry").status_code == 409, "it has not ended"
    settled(sessions, made["id"], as_lines([alpaca()]))
    assert client.post(f"{job}/retry").status_code == 409, "its data set is ready"
    assert client.post(f"{job}/clone").status_code == 409
    for body in ({"config": {"a": 1}}, {"kind": "train"}, {"resources": {"cluster": "far"}}):
        assert client.post(f"{job}/retry", json=body).status_code == 422


def test_only_its_owner_has_it_checked_again(
    client: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        other = make_user(session, name="grace")
    job = f"/api/v1/jobs/{asked(client)['check_job']}"
    client.post(f"{job}/cancel")
    assert speak_for(anonymous, sessions, other).post(f"{job}/retry").status_code == 403
    assert client.post(f"{job}/retry").status_code == 201


def test_deleting_it_ends_its_check(client: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        other = make_user(session, name="grace")
    made = asked(client)
    assert speak_for(anonymous, sessions, other).delete(f"{PATH}/{made['id']}").status_code == 403
    assert client.get(f"/api/v1/jobs/{made['check_job']}").json()["status"] == "queued"
    assert client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert client.get(f"{PATH}/{made['id']}").status_code == 404
    assert client.get(f"/api/v1/jobs/{made['check_job']}").json()["status"] == "cancelled"
    assert client.post(f"/api/v1/jobs/{made['check_job']}/retry").status_code == 404


@pytest.mark.parametrize(
    ("status", "said"), [("checking", "is still being checked"), ("refused", "was refused by its check")]
)
def test_a_job_waits_for_no_data_set_that_is_not_ready(
    client: TestClient, sessions: sessionmaker[Session], user: User, status: str, said: str
) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, status=DatasetStatus(status), cluster="lab", entry={}, sha256="").id
    answer = client.post("/api/v1/jobs", json={"config": CONFIG, "datasets": [dataset]})
    assert errors_of(answer) == [["body", "datasets", 0]]
    assert said in answer.json()["detail"]
    assert dataset in answer.json()["errors"][0]["hint"]


def test_a_job_runs_where_its_data_lies(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, cluster="far").id
    far = {"config": {**CONFIG}, "datasets": [dataset]}
    made = client.post("/api/v1/jobs", json=far)
    assert (made.status_code, made.json()["cluster"]) == (201, "far")
    refused = client.post("/api/v1/jobs", json={**far, "resources": {"cluster": "lab"}})
    assert errors_of(refused) == [["body", "datasets", 0]]
    assert refused.json()["errors"][0]["hint"] == "set resources.cluster to far, or leave it out"


def test_an_upload_goes_to_any_cluster(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        dataset = make_dataset(session, user, job=make_job(session, user)).id
    for cluster in ("lab", "far"):
        body = {"config": CONFIG, "datasets": [dataset], "resources": {"cluster": cluster}}
        assert client.post("/api/v1/jobs", json=body).status_code == 201


def test_the_document_states_both_bodies(client: TestClient) -> None:
    add = client.get("/openapi.json").json()["paths"][PATH]["post"]
    content = add["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/json"}
    assert content["application/json"]["schema"]["required"] == ["cluster_path"]
    assert "$ref" not in json.dumps(content)
