"""The app as a whole: who gets in, how it refuses, when it commits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.routes import FOLLOWING, ROUTERS
from tests.factories import NOON, Clock, make_token
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.people.models import User

HEALTH = {"/healthz", "/readyz", "/metrics", "/version"}
REQUEST = {"config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}}


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method, path


def test_every_route_but_health_wants_a_token(anonymous: TestClient, app: FastAPI) -> None:
    walked = [(method, path) for method, path in operations(app) if path not in HEALTH]
    assert len(walked) > 20
    for method, path in walked:
        url = path.replace("{job_id}", "job_00000000000000000000")
        answer = anonymous.request(method, url, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


def test_no_route_hides_from_the_document_that_the_test_above_walks() -> None:
    routes = [route for router in (*FOLLOWING, *ROUTERS) for route in router.routes]
    assert len(routes) > 20
    assert all(isinstance(route, APIRoute) and route.include_in_schema for route in routes)


@pytest.mark.parametrize(
    "header",
    ["Bearer pt_wrong", "Bearer", "Basic YTpi", "Bearer pt_\u00e4", "Bearer " + "x" * 10_000, "pt_no_scheme"],
    ids=["unknown", "empty", "basic", "not ascii", "long", "no scheme"],
)
def test_a_wrong_token_is_refused(anonymous: TestClient, header: str) -> None:
    answer = anonymous.get("/api/v1/me", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def test_an_ended_token_is_refused(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User, clock: Clock
) -> None:
    with transaction(sessions) as session:
        revoked = make_token(session, user, revoked=True)
        expiring = make_token(session, user, expires_at=NOON)
    clock.advance(-1)
    assert anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {revoked}"}).status_code == 401
    assert anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {expiring}"}).status_code == 200
    clock.advance(1)
    assert anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {expiring}"}).status_code == 401


def test_an_unknown_path_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


def test_a_wrong_method_is_a_problem_and_says_which_are_right(client: TestClient) -> None:
    answer = client.put("/api/v1/me")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert answer.headers["allow"] == "GET"


def test_a_failing_commit_answers_500_and_keeps_nothing(
    client: TestClient, app: FastAPI, sessions: sessionmaker[Session]
) -> None:
    engine: Engine = app.state.sessions.kw["bind"]

    def refuse(_connection: Any) -> None:
        if not current_thread().name.startswith("feed-"):  # the feed's own reading may end at this very moment
            raise RuntimeError("the disk is full")

    event.listen(engine, "commit", refuse)
    answer = client.post("/api/v1/jobs", json=REQUEST)
    event.remove(engine, "commit", refuse)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "disk" not in answer.text
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_every_operation_states_its_error_answers_as_problems(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for method, path in operations(app):
        answers = paths[path][method]["responses"]
        assert "500" in answers, (method, path)
        assert ({"401", "403"} <= answers.keys()) == (path not in HEALTH), (method, path)
        for status, answer in answers.items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
    assert "Problem" in app.openapi()["components"]["schemas"]
    assert "HTTPValidationError" not in app.openapi()["components"]["schemas"]


def test_more_requests_than_connections_are_all_answered(client: TestClient) -> None:
    with ThreadPoolExecutor(80) as readers:
        answers = list(readers.map(lambda _: client.get("/api/v1/jobs").status_code, range(160)))
    assert answers == [200] * 160
