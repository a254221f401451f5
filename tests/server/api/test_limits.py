"""Administrators set limits; requests that no waiting would make possible are refused by them, in words."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.conftest import speak_for
from tests.factories import NOON, make_dataset, make_job, make_limit, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.queue.limits.limit import EACH, LimitKind

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
RESOURCES = {"gpus_per_node": 2, "time_limit": "02:00:00", "partition": "gpu"}
ROWS = b'[{"instruction": "a", "input": "", "output": "b"}, {"instruction": "c", "input": "d", "output": "e"}]'


def put(client: TestClient, **fields: Any) -> Any:
    answer = client.put("/api/v1/limits", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(client: TestClient) -> list[Any]:
    answer = client.get("/api/v1/limits")
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


def submitted(client: TestClient, **fields: Any) -> Any:
    return client.post("/api/v1/jobs", json={"config": CONFIG, "resources": RESOURCES, **fields})


def refusals(client: TestClient, **fields: Any) -> list[tuple[str, str]]:
    """Place and words of what POST refuses; validate must say the same."""
    answer, body = submitted(client, **fields), {"config": CONFIG, "resources": RESOURCES, **fields}
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert client.post("/api/v1/jobs/validate", json=body).json()["errors"] == errors
    return [(".".join(map(str, each["loc"])), each["message"]) for each in errors]


def test_a_limit_is_set_changed_listed_and_removed(administrator: TestClient, client: TestClient) -> None:
    made = put(administrator, subject_kind="team", subject="lab", kind="gpus", amount=8, cluster="lab")
    assert made["words"] == "the team lab may have 8 GPUs at once on the cluster lab"
    assert (made["subject"], made["partition"], made["class"], made["in_use"]) == ("lab", None, None, 0)
    changed = put(administrator, subject_kind="team", subject="lab", kind="gpus", amount=4, cluster="lab")
    assert (changed["id"], changed["amount"]) == (made["id"], 4)
    assert listed(administrator) == listed(client) == [changed]
    assert administrator.delete(f"/api/v1/limits/{made['id']}").status_code == 204
    assert listed(administrator) == []
    assert administrator.delete(f"/api/v1/limits/{made['id']}").status_code == 404


def test_every_change_of_a_limit_is_recorded(administrator: TestClient) -> None:
    for amount in (8, 4):
        made = put(administrator, subject_kind="team", subject="lab", kind="gpus", amount=amount)
    administrator.delete(f"/api/v1/limits/{made['id']}")
    entries = administrator.get("/api/v1/audit").json()["data"]
    found = [(each["action"], each["before"], each["after"]) for each in entries if each["subject"] == made["id"]]
    first = {"subject_kind": "team", "subject": "lab", "kind": "gpus", "amount": 8}
    second = {**first, "amount": 4}
    assert found == [("limit.removed", second, None), ("limit.changed", first, second), ("limit.set", None, first)]


def test_only_administrators_change_limits(client: TestClient) -> None:
    body = {"subject_kind": "everybody", "kind": "gpus", "amount": 8}
    assert client.put("/api/v1/limits", json=body).status_code == 403
    assert client.delete("/api/v1/limits/lim_x").status_code == 403


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        ({"subject_kind": "team", "subject": "mt"}, "subject", "there is no team mt"),
        ({"subject_kind": "user", "subject": "nobody"}, "subject", "there is no user nobody"),
        ({"subject_kind": "user"}, "subject", "a limit of which user?"),
        ({"cluster": "moon"}, "cluster", "there is no cluster moon"),
        ({"amount": -1}, "amount", "-1 is no amount of gpus"),
        ({"amount": 1e300}, "amount", "1e+300 is no amount of gpus"),
        ({"amount": 0.5}, "amount", "gpus is counted in whole numbers"),
        (
            {"kind": "gpu_hours_30_days", "class": "urgent"},
            "class",
            "the use of gpu_hours_30_days is not kept by class",
        ),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(
    administrator: TestClient, fields: dict[str, Any], place: str, message: str
) -> None:
    body = {"subject_kind": "everybody", "kind": "gpus", "amount": 8, **fields}
    answer = administrator.put("/api/v1/limits", json=body)
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["loc"], error["message"]) == (["body", place], message)
    assert error["hint"]


def test_a_limit_below_what_is_used_is_set_and_tells_how_much(
    administrator: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    ends = NOON + timedelta(hours=1)
    with transaction(sessions) as session:
        first = make_job(session, user, status=JobStatus.RUNNING, gpus=4, expected_end_at=ends)
        second = make_job(session, user, status=JobStatus.SUBMITTING, gpus=2, created_at=NOON + timedelta(seconds=1))
        make_job(session, user, gpus=8)
    made = put(administrator, subject_kind="user", subject=EACH, kind="gpus", amount=1)
    assert (made["in_use"], made["most_used_by"], made["subject"]) == (6, "ada", "*")
    assert made["held_by"] == [
        {"job_id": first.id, "expected_end_at": "2026-11-21T13:00:00Z"},
        {"job_id": second.id, "expected_end_at": None},
    ]


def test_use_of_every_kind_is_told(administrator: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        ended = make_job(session, user, status=JobStatus.SUCCEEDED)
        make_job(session, user)
        make_job(session, user, status=JobStatus.HELD)
        session.add(Artifact(job_id=ended.id, path="model", size_bytes=70, modified_at=NOON))
        make_dataset(session, user, size_bytes=30)
        make_dataset(session, user, size_bytes=30, name="the same content again")
        make_dataset(session, user, size_bytes=999, sha256="b" * 64, cluster="lab")
        for kind in LimitKind:
            make_limit(session, kind, 10**6, team="lab")
    used = {limit["kind"]: limit["in_use"] for limit in listed(administrator)}
    assert used == {
        "running_jobs": 0,
        "gpus": 0,
        "queued_jobs": 2,
        "gpu_hours_30_days": 0,
        "time_limit_seconds": 0,
        "dataset_bytes": 30,
        "result_bytes": 70,
    }


def test_others_see_the_limits_that_bind_themselves(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        make_job(session, bob, status=JobStatus.RUNNING, gpus=4)
        for place in ({"user": "ada"}, {"user": "bob"}, {"user": EACH}, {"team": "lab"}, {}):
            make_limit(session, LimitKind.GPUS, 8, **place)
    assert [each["subject"] for each in listed(administrator)] == [None, "lab", "*", "ada", "bob"]
    assert {each["subject"]: each["in_use"] for each in listed(client)} == {None: 4, "lab": 4, "*": 0, "ada": 0}


def test_limits_come_in_pages(administrator: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for kind in LimitKind:
            make_limit(session, kind, 1)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        query = f"?limit=3&fields=kind{f'&after={after}' if after else ''}"
        page = administrator.get(f"/api/v1/limits{query}").json()
        seen += [each["kind"] for each in page["data"]]
        after = page["next"]
    assert seen == sorted(LimitKind)
    assert administrator.get("/api/v1/limits?after=lim_none").status_code == 422


def test_what_never_fits_is_refused_with_its_limit(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 1, team="lab")
        make_limit(session, LimitKind.TIME_LIMIT, 3600)
        make_limit(session, LimitKind.RUNNING_JOBS, 0, user=EACH, job_class="urgent")
        make_limit(session, LimitKind.GPU_HOURS, 3, user="ada")
        make_limit(session, LimitKind.GPUS, 0, user="bob")
    assert sorted(refusals(client, **{"class": "urgent"})) == [
        ("body.class", "the user ada may run no jobs of class urgent"),
        ("body.resources.gpus_per_node", "the team lab may have 1 GPU at once, and this job needs 2"),
        (
            "body.resources.time_limit",
            "everybody together may ask for time limits of 01:00:00 at most, and this job asks for 02:00:00",
        ),
        ("body.resources.time_limit", "the user ada may use 3 GPU hours in 30 days, and this job needs 4"),
    ]
    fitting = {**RESOURCES, "gpus_per_node": 1, "time_limit": "01:00:00"}
    assert submitted(client, resources=fitting).status_code == 201


def test_a_full_queue_takes_no_more_of_its_jobs(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        make_limit(session, LimitKind.QUEUED_JOBS, 2, user=EACH)
    assert [submitted(client).status_code for _ in range(2)] == [201, 201]
    words = "the user ada may have 2 jobs waiting: 2 in use"
    assert refusals(client) == [("body", words)]
    assert submitted(speak_for(client, sessions, bob)).status_code == 201
    job = client.get("/api/v1/jobs?owner=ada").json()["data"][0]["id"]
    assert client.post(f"/api/v1/jobs/{job}/cancel").status_code == 200
    assert submitted(client).status_code == 201


@pytest.mark.parametrize("place", [{"team": "lab"}, {}, {"team": EACH, "cluster": "lab"}])
def test_a_queue_of_many_counts_the_jobs_of_all(
    client: TestClient, sessions: sessionmaker[Session], place: dict[str, str]
) -> None:
    with transaction(sessions) as session:
        make_job(session, make_user(session, name="bob"))
        make_limit(session, LimitKind.QUEUED_JOBS, 1, **place)
    assert len(refusals(client)) == 1


def test_a_retry_of_a_key_is_not_a_further_job(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.QUEUED_JOBS, 1)
    body = {"config": CONFIG, "resources": RESOURCES}
    answers = [client.post("/api/v1/jobs", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]


def upload(client: TestClient, rows: bytes = ROWS) -> Any:
    return client.post("/api/v1/datasets", files={"file": ("rows.json", rows)})


def test_uploads_keep_within_the_limit_of_data_sets(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.DATASET_BYTES, len(ROWS), user=EACH)
    assert upload(client).status_code == 201
    refused = upload(client, ROWS.replace(b"a", b"x"))
    assert refused.status_code == 507
    assert refused.json()["detail"] == (
        f"the user ada may keep {len(ROWS)} bytes of data sets on the server: {len(ROWS)} bytes in use"
    )
    assert client.post("/api/v1/datasets", json={"cluster_path": "/shared/models/x.jsonl"}).status_code == 507


def test_an_upload_larger_than_what_is_left_is_cut_off(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.DATASET_BYTES, len(ROWS) - 1, team="lab")
    assert upload(client).status_code in (413, 507)
    assert client.get("/api/v1/datasets").json()["data"] == []
