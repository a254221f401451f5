"""Polls that are answered before the app is asked."""

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from server.feed.fast_path import PolledProgress
from server.http.bounds.admission import Admission
from tuning.jobs.models import Job


@pytest.fixture
def short(app: FastAPI, client: TestClient, running_job: Job) -> TestClient:
    """A client of the short way alone: what it passes on is answered with 418."""
    client.get(f"/api/v1/jobs/{running_job.id}/progress").raise_for_status()
    beyond = PlainTextResponse("passed on", 418)
    return TestClient(PolledProgress(beyond, state=app.state), headers=dict(client.headers))


def test_a_plain_poll_goes_the_short_way(short: TestClient, running_job: Job) -> None:
    answer = short.get(f"/api/v1/jobs/{running_job.id}/progress")
    assert (answer.status_code, answer.json()["job_id"]) == (200, running_job.id)
    tag = {"If-None-Match": answer.headers["etag"]}
    assert short.get(f"/api/v1/jobs/{running_job.id}/progress", headers=tag).status_code == 304


@pytest.mark.parametrize("path", ["{id}/progress?wait=0", "{id}/progress/", "{id}", "job_other/progress", "x/progress"])
def test_everything_else_goes_on(short: TestClient, running_job: Job, path: str) -> None:
    assert short.get(f"/api/v1/jobs/{path.format(id=running_job.id)}").status_code == 418


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_go_on(short: TestClient, running_job: Job, method: str) -> None:
    assert short.request(method, f"/api/v1/jobs/{running_job.id}/progress").status_code == 418


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer pt_wrong", "Basic abc"])
def test_who_is_not_known_goes_on(short: TestClient, running_job: Job, header: str) -> None:
    path = f"/api/v1/jobs/{running_job.id}/progress"
    assert short.get(path, headers={"Authorization": header}).status_code == 418


def test_who_asks_too_often_goes_on_to_be_told_so(short: TestClient, running_job: Job, app: FastAPI) -> None:
    app.state.admission = Admission(1, 2, lambda: 0.0)
    path = f"/api/v1/jobs/{running_job.id}/progress"
    assert [short.get(path).status_code for _ in range(3)] == [200, 200, 418]


def test_a_session_goes_the_short_way_by_its_cookie_alone(
    app: FastAPI, short: TestClient, signed_in: TestClient, running_job: Job
) -> None:
    path, text = f"/api/v1/jobs/{running_job.id}/progress", signed_in.cookies["packtrain_session"]
    signed_in.get(path).raise_for_status()
    bare = TestClient(short.app)
    assert bare.get(path, headers={"Cookie": f"packtrain_session={text}"}).status_code == 200
    assert bare.get(path, headers={"Authorization": f"Bearer {text}"}).status_code == 418
    token = short.headers["authorization"].removeprefix("Bearer ")
    assert bare.get(path, headers={"Cookie": f"packtrain_session={token}"}).status_code == 418
    assert bare.get(path).status_code == 418
