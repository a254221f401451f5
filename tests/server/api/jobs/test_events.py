"""The list of events, and the streams over HTTP."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.transition import record_event
from tuning.people.models import User

Sessions = sessionmaker[Session]


def happen(sessions: Sessions, job: Job, *messages: str) -> None:
    with transaction(sessions) as session:
        for message in messages:
            record_event(session, job.id, "warning", message, NOON, {"n": 1})


def test_events_are_listed_oldest_first_page_by_page(
    client: TestClient, sessions: Sessions, running_job: Job, user: User
) -> None:
    with transaction(sessions) as session:
        other = make_job(session, user)
    for message in ("one", "two", "three"):
        happen(sessions, running_job, message)
        happen(sessions, other, "not mine")
    path = f"/api/v1/jobs/{running_job.id}/events"
    first = client.get(path, params={"limit": 2}).json()
    assert [event["message"] for event in first["data"]] == ["one", "two"]
    assert first["has_more"] is True
    second = client.get(path, params={"limit": 2, "after": first["next"]}).json()
    assert [event["message"] for event in second["data"]] == ["three"]
    assert (second["has_more"], second["next"]) == (False, None)
    assert first["data"][0] == {
        "id": first["data"][0]["id"],
        "object": "event",
        "job_id": running_job.id,
        "type": "warning",
        "at": "2026-11-21T12:00:00Z",
        "message": "one",
        "data": {"n": 1},
    }


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=9223372036854775808", "limit=0", "limit=501"])
def test_bad_questions_are_refused(client: TestClient, running_job: Job, query: str) -> None:
    assert client.get(f"/api/v1/jobs/{running_job.id}/events?{query}").status_code == 422


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=9223372036854775808"])
@pytest.mark.parametrize("stream", ["jobs/{job_id}/events/stream", "events/stream"])
def test_bad_places_are_refused(client: TestClient, running_job: Job, stream: str, query: str) -> None:
    path = f"/api/v1/{stream.format(job_id=running_job.id)}"
    assert client.get(f"{path}?{query}").status_code == 422
    assert client.get(path, headers={"Last-Event-ID": query.removeprefix("after=")}).status_code == 422


@pytest.fixture
def stopped(app: FastAPI) -> None:
    """On a server that stops, a stream says where it is and ends: the test client waits for the end of an answer."""
    app.state.feed.closing = True


@pytest.mark.usefixtures("stopped")
def test_a_stream_says_first_where_it_begins(client: TestClient, running_job: Job) -> None:
    path = f"/api/v1/jobs/{running_job.id}/events/stream"
    answer = client.get(path, params={"after": 3}, headers={"Last-Event-ID": "5"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text == "id: 5\n\n"
    assert client.get(path, params={"after": 3}).text == "id: 3\n\n"
    assert client.get(path).text == "id: 0\n\n"


@pytest.mark.usefixtures("stopped")
def test_the_stream_of_all_jobs_begins_now(
    client: TestClient, sessions: Sessions, running_job: Job, tick: Callable[[], None]
) -> None:
    happen(sessions, running_job, "one")
    tick()
    newest = client.get(f"/api/v1/jobs/{running_job.id}/events").json()["data"][0]["id"]
    assert client.get("/api/v1/events/stream").text == f"id: {newest}\n\n"


def test_the_stream_of_all_jobs_wants_a_token(anonymous: TestClient) -> None:
    assert anonymous.get("/api/v1/events/stream").status_code == 401
