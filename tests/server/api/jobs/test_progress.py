"""GET progress."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job
from tests.statements import counted_statements
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.queries.driver import update_jobs
from tuning.jobs.status import JobStatus
from tuning.people.models import Token, User

Sessions = sessionmaker[Session]


@pytest.fixture
def path(running_job: Job) -> str:
    return f"/api/v1/jobs/{running_job.id}/progress"


def test_every_field_of_the_contract(client: TestClient, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(
            session,
            user,
            status=JobStatus.RUNNING,
            version=9,
            current_steps=20,
            total_steps=90,
            percentage=22.22,
            epoch=0.44,
            loss=6.13,
            learning_rate=0.0008,
            elapsed_seconds=10.5,
            eta_seconds=35.0,
            expected_end_at=NOON + timedelta(seconds=35),
            observed_at=NOON,
        )
    answer = client.get(f"/api/v1/jobs/{job.id}/progress")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "job_id": job.id,
        "status": "running",
        "version": 9,
        "current_steps": 20,
        "total_steps": 90,
        "percentage": 22.22,
        "epoch": 0.44,
        "loss": 6.13,
        "eval_loss": None,
        "learning_rate": 0.0008,
        "tokens_per_second": None,
        "elapsed_seconds": 10.5,
        "eta_seconds": 35.0,
        "eta_low_seconds": None,
        "eta_high_seconds": None,
        "expected_end_at": "2026-11-21T12:00:35Z",
        "expected_start_at": None,
        "queue_position": None,
        "stalled_since": None,
        "updated_at": "2026-11-21T12:00:00Z",
        "observed_at": "2026-11-21T12:00:00Z",
        "unattended_since": None,
    }


def test_a_queued_job_says_its_place(client: TestClient, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        make_job(session, user)
        job = make_job(session, user, created_at=NOON + timedelta(seconds=1))
    assert client.get(f"/api/v1/jobs/{job.id}/progress").json()["queue_position"] == 2


def test_a_poll_asks_the_database_nothing(client: TestClient, path: str, app: FastAPI) -> None:
    first = client.get(path)
    with counted_statements(app) as statements:
        for _ in range(3):
            assert client.get(path).content == first.content
            assert client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        assert statements == []


def test_the_short_way_and_the_ordinary_way_say_the_same(client: TestClient, path: str) -> None:
    ordinary, short = client.get(path, params={"wait": 0}), client.get(path)
    assert (short.status_code, short.content) == (200, ordinary.content)
    own = {"x-request-id"}
    assert short.headers.keys() == ordinary.headers.keys()
    assert all(short.headers[name] == ordinary.headers[name] for name in short.headers.keys() - own)


def test_the_tag_holds_until_something_changes(
    client: TestClient, path: str, sessions: Sessions, running_job: Job, tick: Callable[[], None]
) -> None:
    tag = client.get(path).headers["etag"]
    same = client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    with transaction(sessions) as session:
        update_jobs(session, [{"id": running_job.id, "current_steps": 2}], NOON)
    tick()
    changed = client.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["current_steps"]) == (200, 2)
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize("form", ["{tag}", '"x", {tag}', "*", "{strong}", ' {tag} , "y"'])
def test_the_forms_of_if_none_match(client: TestClient, path: str, form: str) -> None:
    tag = client.get(path).headers["etag"]
    header = form.format(tag=tag, strong=tag.removeprefix("W/"))
    assert client.get(path, headers={"If-None-Match": header}).status_code == 304
    assert client.get(path, params={"wait": 0}, headers={"If-None-Match": header}).status_code == 304


def test_a_foreign_tag_gets_the_whole_answer(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"If-None-Match": 'W/"999-0"'}).status_code == 200


def test_a_wait_ends_when_it_is_over(client: TestClient, path: str) -> None:
    version = client.get(path).json()["version"]
    answer = client.get(path, params={"wait": 0.05, "since": version})
    assert (answer.status_code, answer.json()["version"]) == (200, version)


def test_a_wait_for_what_is_there_already_is_none(client: TestClient, path: str) -> None:
    assert client.get(path, params={"wait": 60, "since": 0}).status_code == 200
    assert client.get(path, params={"wait": 60}).status_code == 200
    assert client.get(path, params={"wait": 60}, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_wait_without_news_ends_in_304_for_who_sent_a_tag(client: TestClient, path: str) -> None:
    tag = client.get(path).headers["etag"]
    assert client.get(path, params={"wait": 0.05}, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "query", ["wait=61", "wait=-1", "wait=nan", "wait=x", "since=-1", "since=x", "since=9223372036854775808"]
)
def test_bad_questions_are_refused(client: TestClient, path: str, query: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][0] == "query"


@pytest.mark.parametrize("job_id", ["job_missing", "nonsense", "job_%00", "..%2f..%2fetc"])
def test_a_missing_job(client: TestClient, job_id: str) -> None:
    answer = client.get(f"/api/v1/jobs/{job_id}/progress")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer pt_wrong", "Basic abc", "Bearer \xe9\xff"])
def test_nobody_reads_without_a_good_token(anonymous: TestClient, path: str, header: str | None) -> None:
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    for _ in range(2):
        answer = anonymous.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_revoked_token_is_out_with_the_next_tick(
    client: TestClient, path: str, sessions: Sessions, tick: Callable[[], None]
) -> None:
    assert client.get(path).status_code == 200
    with transaction(sessions) as session:
        session.execute(update(Token).values(revoked_at=NOON))
    tick()
    assert client.get(path).status_code == 401


def test_memory_that_is_behind_the_reader_is_not_news(
    client: TestClient, path: str, sessions: Sessions, running_job: Job, tick: Callable[[], None], app: FastAPI
) -> None:
    old = client.get(path).json()["version"]
    for step in (2, 3):  # what the reader was told by the job itself, and what it waits for
        with transaction(sessions) as session:
            update_jobs(session, [{"id": running_job.id, "current_steps": step}], NOON)
    with ThreadPoolExecutor() as others:
        waiting = others.submit(client.get, path, params={"wait": 30, "since": old + 1})
        while running_job.id not in app.state.feed.bells.subjects():
            assert not waiting.done()
        tick()
        assert waiting.result(timeout=30).json()["version"] == old + 2


def test_a_token_that_is_revoked_during_a_wait_gets_no_answer(
    client: TestClient, path: str, sessions: Sessions, running_job: Job, tick: Callable[[], None], app: FastAPI
) -> None:
    client.get(path)  # from here on memory knows the job: what is written below is seen by the tick alone
    with ThreadPoolExecutor() as others:
        waiting = others.submit(client.get, path, params={"wait": 30, "since": running_job.version})
        while running_job.id not in app.state.feed.bells.subjects():
            assert not waiting.done()
        with transaction(sessions) as session:
            session.execute(update(Token).values(revoked_at=NOON))
            update_jobs(session, [{"id": running_job.id, "current_steps": 2}], NOON)
        tick()
        assert waiting.result(timeout=30).status_code == 401
