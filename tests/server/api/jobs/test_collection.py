"""Jobs over HTTP: made, listed, shown, changed, removed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.queue.board import QueueBoard
from tests.factories import NOON, Clock, make_attempt, make_dataset, make_job, make_user
from tests.statements import counted_statements
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.people.models import User

CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
REQUEST: dict[str, Any] = {"name": "wmt ja-en", "config": CONFIG, "tags": {"team": "mt"}}


def listed(client: TestClient, **query: Any) -> list[str]:
    return [job["name"] for job in client.get("/api/v1/jobs", params=query).json()["data"]]


def test_a_job_is_queued_and_shown_with_every_field_of_the_contract(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json=REQUEST)
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/jobs/{job['id']}")
    fields = """id object name kind status status_reason owner created_at submitted_at started_at finished_at cluster
        slurm_job_id slurm_state slurm_reason attempt attempts resources recipe config datasets tags priority
        queue_position progress failure result record cancel_requested_at unreachable_since links"""
    assert set(fields.split()) <= job.keys()
    assert (job["object"], job["status"], job["owner"], job["cluster"]) == ("job", "queued", "ada", "lab")
    assert (job["queue_position"], job["progress"]["version"], job["tags"]) == (1, 1, {"team": "mt"})
    assert job["created_at"] == "2026-11-21T12:00:00Z"
    assert client.get(job["links"]["self"]).json() == job


def test_a_job_begins_with_its_events(client: TestClient, sessions: sessionmaker[Session]) -> None:
    client.post("/api/v1/jobs", json=REQUEST)
    client.post("/api/v1/jobs", json={**REQUEST, "held": True})
    with sessions() as session:
        types = session.scalars(select(JobEvent.type).order_by(JobEvent.id)).all()
    assert types == ["job.created", "job.queued", "job.created", "job.held"]


def test_yaml_makes_the_same_job_as_an_object(client: TestClient) -> None:
    text = "model_name_or_path: tiny-qwen2 # small\ndataset: identity\ntemplate: qwen\n"
    by_yaml = client.post("/api/v1/jobs", json={"config_yaml": text}).json()
    assert by_yaml["config"] == client.post("/api/v1/jobs", json={"config": CONFIG}).json()["config"]


def test_a_script_makes_the_same_job_as_an_object(client: TestClient) -> None:
    text = "model_name_or_path: tiny-qwen2\ndataset: identity\ntemplate: qwen\n"
    script = "#!/bin/bash\n#SBATCH -J theirs -t 02:30:00\nmodule load apptainer\nllamafactory-cli train cfg.yaml\n"
    answer = client.post("/api/v1/jobs", json={"script": script, "files": {"cfg.yaml": text}})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert job["config"] == client.post("/api/v1/jobs", json={"config": CONFIG}).json()["config"]
    assert (job["name"], job["resources"]["time_limit"]) == ("theirs", "02:30:00")
    created = client.get(f"/api/v1/jobs/{job['id']}/events").json()["data"][0]
    told = "line 3: `module` is not run (the training image holds what a run needs)"
    assert created["data"]["warnings"] == [told]


def test_a_job_without_a_name_is_called_by_what_it_does(client: TestClient) -> None:
    assert client.post("/api/v1/jobs", json={"config": CONFIG}).json()["name"] == "lora tiny-qwen2 on identity"


def test_uploaded_data_sets_are_kept_in_their_order(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        ids = [make_dataset(session, user).id for _ in range(3)]
    config = {"model_name_or_path": "tiny-qwen2", "template": "qwen"}
    job = client.post("/api/v1/jobs", json={"config": config, "datasets": ids}).json()
    assert job["datasets"] == ids
    assert job["name"] == "lora tiny-qwen2 on chats, chats"


def test_the_same_key_and_request_give_the_same_job(client: TestClient, sessions: sessionmaker[Session]) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/jobs", json=REQUEST, headers=headers)
    again = client.post("/api/v1/jobs", json={**REQUEST, "priority": 0}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_the_same_key_with_another_request_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    client.post("/api/v1/jobs", json=REQUEST, headers=headers)
    answer = client.post("/api/v1/jobs", json={**REQUEST, "priority": 1}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]


def test_a_key_is_its_users_own(client: TestClient, administrator: TestClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    mine = client.post("/api/v1/jobs", json=REQUEST, headers=headers).json()["id"]
    assert administrator.post("/api/v1/jobs", json=REQUEST, headers=headers).json()["id"] != mine


def test_one_key_sent_many_times_at_once_makes_one_job(client: TestClient) -> None:
    def post(_number: int) -> tuple[int, str]:
        answer = client.post("/api/v1/jobs", json=REQUEST, headers={"Idempotency-Key": "race"})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(post, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({job_id for _, job_id in answers}) == 1


def test_a_new_job_costs_few_statements(
    client: TestClient, app: FastAPI, clock: Clock, sessions: sessionmaker[Session]
) -> None:
    """At most three times a bare insert of its rows: five statements that write, and as few that read.

    The look at the queue is not among them: it is once a second, for all.
    """
    app.state.feed.queues = QueueBoard(clock, lambda: 0.0)
    with sessions() as session:
        app.state.feed.queues.view(session, "lab")
    with counted_statements(app) as statements:
        client.post("/api/v1/jobs", json=REQUEST)
    posted = [statement for statement in statements if "pg_advisory" not in statement and "max(" not in statement]
    assert len([one for one in posted if one.startswith("INSERT")]) == 3, posted
    assert len(posted) <= 10, posted


def test_a_new_job_costs_one_look_at_the_queue_at_most(client: TestClient, app: FastAPI, clock: Clock) -> None:
    """Where the last look is over: as many statements more as a look has, a dozen at most, however many jobs wait."""
    for jobs in (0, 20):
        for _ in range(jobs):
            client.post("/api/v1/jobs", json=REQUEST).raise_for_status()
        app.state.feed.queues = QueueBoard(clock, lambda: 0.0)
        with counted_statements(app) as look, app.state.sessions() as session:
            app.state.feed.queues.view(session, "lab")
        app.state.feed.queues = QueueBoard(clock, lambda: 0.0)
        with counted_statements(app) as statements:
            client.post("/api/v1/jobs", json=REQUEST).raise_for_status()
        posted = [statement for statement in statements if "pg_advisory" not in statement and "max(" not in statement]
        assert len(look) <= 12, look
        assert len(posted) <= 10 + len(look), posted


def test_everybody_sees_all_jobs_and_owners_change_their_own(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, make_user(session, name="bob"))
    assert client.get(f"/api/v1/jobs/{job.id}").json()["owner"] == "bob"
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/hold"), ("POST", "/release")):
        answer = client.request(method, f"/api/v1/jobs/{job.id}{path}", json={} if method == "PATCH" else None)
        assert answer.status_code == 403, (method, path)
    assert administrator.post(f"/api/v1/jobs/{job.id}/cancel").json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"status": ["queued"]}, ["a"]),
        ({"status": ["queued", "failed"]}, ["b", "a"]),
        ({"kind": "train"}, ["c", "b", "a"]),
        ({"owner": "bob"}, ["c"]),
        ({"cluster": "lab"}, ["b", "a"]),
        ({"tag": "team:mt"}, ["b", "a"]),
        ({"tag": ["team:mt", "lang:ja:en"]}, ["b"]),
        ({"q": "B"}, ["b"]),
        ({"q": "%"}, []),
        ({"q": "4711"}, ["c"]),
        ({"created_after": "2026-11-21T12:00:00Z"}, ["c", "b"]),
        ({"created_before": "2026-11-21T21:00:01+09:00"}, ["a"]),
        ({"sort": "created_at"}, ["a", "b", "c"]),
        ({"sort": "-priority"}, ["b", "a", "c"]),
        ({"limit": 1}, ["c"]),
    ],
    ids=str,
)
def test_jobs_are_found_by(
    client: TestClient, sessions: sessionmaker[Session], user: User, query: dict[str, Any], found: list[str]
) -> None:
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        make_job(session, user, name="a", tags={"team": "mt"}, created_at=NOON)
        later = NOON + timedelta(seconds=1)
        tags = {"team": "mt", "lang": "ja:en"}
        make_job(session, user, name="b", tags=tags, status=JobStatus.FAILED, priority=5, created_at=later)
        later += timedelta(seconds=1)
        running: dict[str, Any] = {"status": JobStatus.RUNNING, "slurm_job_id": 4711, "cluster": "other"}
        make_job(session, bob, name="c", created_at=later, **running)
    assert listed(client, **query) == found


@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-priority"])
def test_pages_show_every_job_once_while_new_ones_come(
    client: TestClient, sessions: sessionmaker[Session], user: User, sort: str
) -> None:
    with transaction(sessions) as session:
        for number in range(10):
            moment = NOON + timedelta(seconds=number // 3)  # several of the same moment
            make_job(session, user, name=f"old{number}", priority=number % 2, created_at=moment)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get("/api/v1/jobs", params={"limit": 3, "sort": sort, **after}).json()
        seen += [job["name"] for job in page["data"]]
        with transaction(sessions) as session:
            make_job(session, user, name="new", created_at=NOON + timedelta(hours=1))
        if not page["has_more"]:
            break
        after = {"after": page["next"]}
    assert sorted(name for name in seen if name != "new") == sorted(f"old{number}" for number in range(10))


@pytest.mark.parametrize(
    "cursor", ["x", "", "e30", "W10", "WyItY3JlYXRlZF9hdCIsMCwieCIsImpvYl8xIl0", "\u20ac", "A" * 999]
)
def test_a_cursor_that_is_none_is_refused(client: TestClient, cursor: str) -> None:
    answer = client.get("/api/v1/jobs", params={"after": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "after"])


def test_a_cursor_of_another_order_is_refused(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        make_job(session, user)
        make_job(session, user)
    cursor = client.get("/api/v1/jobs?limit=1").json()["next"]
    assert client.get("/api/v1/jobs", params={"after": cursor, "sort": "created_at"}).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "status=done",
        "created_after=yesterday",
        "created_after=2026-11-21T12:00:00",
        "created_after=0001-01-01T00:00:00%2B23:59",
        "tag=nocolon",
        "q=%00",
        "owner=%00",
        "statuss=queued",
        "sort=name",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/jobs?{query}").status_code == 422


@pytest.mark.parametrize(
    ("query", "words"), [("owner=nobody", "there is no user nobody"), ("cluster=labb", "there is no cluster labb")]
)
def test_a_filter_by_a_name_that_nobody_has_is_refused(client: TestClient, query: str, words: str) -> None:
    answer = client.get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == words


def test_a_job_is_found_by_the_beginning_of_its_id_and_no_other(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    ids = ["job_0ab" + "0" * 17, "job_0abz" + "z" * 16, "job_0ac" + "0" * 17]
    with transaction(sessions) as session:
        for job_id in ids:
            make_job(session, user, id=job_id)
    found = [job["id"] for job in client.get("/api/v1/jobs?q=job_0ab").json()["data"]]
    assert sorted(found) == ids[:2]
    assert client.get("/api/v1/jobs?q=job").json()["data"] == []


@pytest.mark.parametrize("job_id", ["job_0", "nothing", "%00", "job_%00", "..", "job_" + "0" * 500])
def test_a_job_that_is_not_there(client: TestClient, job_id: str) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/script"), ("POST", "/cancel")):
        answer = client.request(method, f"/api/v1/jobs/{job_id}{path}", json={} if method == "PATCH" else None)
        assert answer.status_code in {404, 405}, (method, path)


def test_a_change_changes_what_it_names_and_nothing_else(client: TestClient, clock: Clock) -> None:
    job = client.post("/api/v1/jobs", json=REQUEST).json()
    clock.advance(5)
    changed = client.patch(f"/api/v1/jobs/{job['id']}", json={"name": "better", "tags": {"a": "b"}}).json()
    assert (changed["name"], changed["tags"], changed["priority"]) == ("better", {"a": "b"}, 0)
    assert (changed["progress"]["version"], changed["progress"]["updated_at"]) == (2, "2026-11-21T12:00:05Z")
    assert client.patch(f"/api/v1/jobs/{job['id']}", json={"priority": 7}).json()["tags"] == {"a": "b"}


@pytest.mark.parametrize("change", [{"status": "failed"}, {"name": ""}, {"name": "a\nb"}, {"tags": {"a:b": "c"}}])
def test_a_change_that_may_not_be_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    job = client.post("/api/v1/jobs", json=REQUEST).json()
    assert client.patch(f"/api/v1/jobs/{job['id']}", json=change).status_code == 422


def test_an_ended_job_can_be_removed_with_all_that_belongs_to_it(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.FAILED, tags={"a": "b"})
        make_attempt(session, job)
        make_dataset(session, user, job=job)
    assert client.delete(f"/api/v1/jobs/{job.id}").status_code == 204
    assert client.get(f"/api/v1/jobs/{job.id}").status_code == 404


def test_a_job_that_has_not_ended_cannot_be_removed(client: TestClient) -> None:
    job = client.post("/api/v1/jobs", json=REQUEST).json()
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 409


def test_attempts_are_shown(client: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=2, slurm_job_id=12)
        make_attempt(session, job, number=1, slurm_job_id=11, exit_code=1)
        make_attempt(session, job, number=2, slurm_job_id=12)
    attempts = client.get(f"/api/v1/jobs/{job.id}").json()["attempts"]
    assert [(one["number"], one["slurm_job_id"], one["exit_code"]) for one in attempts] == [(1, 11, 1), (2, 12, None)]


def test_a_job_has_the_usual_team_and_class_unless_it_names_others(client: TestClient) -> None:
    usual = client.post("/api/v1/jobs", json=REQUEST).json()
    assert (usual["team"], usual["class"]) == ("lab", "normal")
    urgent = client.post("/api/v1/jobs", json={**REQUEST, "team": "lab", "class": "urgent"}).json()
    assert (urgent["team"], urgent["class"]) == ("lab", "urgent")
    rows = client.get("/api/v1/jobs", params={"fields": "team,class"}).json()["data"]
    assert {(row["team"], row["class"]) for row in rows} == {("lab", "normal"), ("lab", "urgent")}
    again = client.post(f"/api/v1/jobs/{urgent['id']}/clone").json()
    assert again["class"] == "urgent"


def test_a_team_that_the_user_is_not_in_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={**REQUEST, "team": "mt"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "loc": ["body", "team"],
            "message": "you are not in the team mt",
            "hint": "GET /api/v1/me lists your teams; an administrator puts people into teams",
        }
    ]


def test_a_job_is_found_by_a_tag_of_any_letters(client: TestClient) -> None:
    key, value = "犬 of a run" + "x" * 53, "値: " + "y" * 509
    tagged = client.post("/api/v1/jobs", json={**REQUEST, "tags": {key: value}}).json()
    client.post("/api/v1/jobs", json=REQUEST)
    found = client.get("/api/v1/jobs", params={"tag": f"{key}:{value}"}).json()["data"]
    assert [job["id"] for job in found] == [tagged["id"]]
