"""Every error beneath `/v1` comes in OpenAI's envelope, and elsewhere as a problem."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.errors.error_handlers import answer_to
from server.http.errors.openai_errors import is_openai_path
from server.http.errors.problems import problem
from server.main import create_app
from tests.conftest import speak_for
from tests.factories import Clock
from tuning.errors import Conflict, Finding, InvalidInput, PacktrainError, StorageFull, TooManyRequests
from tuning.people.models import User
from tuning.settings import ClusterSettings, Settings


def test_only_paths_beneath_v1_are_openais() -> None:
    assert [is_openai_path(path) for path in ("/v1", "/v1/files", "/v12", "/api/v1/jobs", "/")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_without_a_token_the_envelope_says_so(anonymous: TestClient) -> None:
    answer = anonymous.get("/v1/models")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    error = _error(answer)
    assert (error["type"], error["param"], error["code"]) == ("authentication_error", None, "invalid_api_key")
    assert "Authorization: Bearer" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/models?q=" + "x" * 20_000, 414, "query_too_long"),
        ("GET", "/v1/a%00b", 404, "not_found"),
    ],
)
def test_refusals_come_in_the_envelope(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    error = _error(answer)
    assert (answer.status_code, error["type"], error["code"]) == (status, "invalid_request_error", code)
    assert answer.headers["x-request-id"]


def test_elsewhere_errors_are_problems(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.headers["content-type"], answer.json()["code"]) == ("application/problem+json", "not_found")


def test_a_failure_of_the_server_comes_in_the_envelope(client: TestClient, app: FastAPI) -> None:
    @app.get("/v1/broken")
    def fail() -> None:
        raise RuntimeError("a secret")

    answer = client.get("/v1/broken")
    error = _error(answer)
    assert (answer.status_code, error["type"], error["code"]) == (500, "server_error", "server_failed")
    assert "a secret" not in answer.text
    assert answer.headers["x-request-id"]


def test_who_asks_too_often_is_told_in_the_envelope(
    settings: Settings,
    clusters: dict[str, ClusterSettings],
    clock: Clock,
    sessions: sessionmaker[Session],
    user: User,
) -> None:
    few = settings.model_copy(update={"rate_per_second": 0.01, "rate_burst": 1})
    with TestClient(create_app(few, clusters, clock=clock), raise_server_exceptions=False) as anonymous:
        client = speak_for(anonymous, sessions, user)
        answers = [client.get("/v1/nothing") for _ in range(3)]
    error = _error(answers[-1])
    assert (answers[-1].status_code, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("it has ended"), 400),
        (StorageFull("the disk is full"), 400),
        (InvalidInput([Finding(("suffix",), "too long")]), 400),
        (TooManyRequests("slowly", retry_after_seconds=1), 429),
    ],
)
@pytest.mark.anyio
async def test_what_stays_refused_is_not_sent_again_by_clients(error: PacktrainError, status: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer = answer_to(error)
    answer.headers["Connection"] = "close"
    await answer({"type": "http", "path": "/v1/x"}, _nothing, send)
    assert sent[0]["status"] == status
    assert (b"connection", b"close") in sent[0]["headers"]
    assert len([name for name, _ in sent[0]["headers"] if name == b"content-length"]) == 1


@pytest.mark.anyio
async def test_the_envelope_names_place_and_all_that_is_wrong() -> None:
    findings = [Finding(("body", "messages", 0, "role"), "unknown role", "user"), Finding(("body", "n"), "too many")]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await problem(422, "unknown role (and 1 more)", findings=findings)(
        {"type": "http", "path": "/v1/x"}, _nothing, send
    )
    error = json.loads(sent[1]["body"])["error"]
    assert (sent[0]["status"], error["param"], error["code"]) == (422, "messages[0].role", "invalid")
    assert error["message"] == "unknown role (user)\ntoo many"


async def _nothing() -> Any:
    raise AssertionError("an error answer reads nothing")


def _error(answer: Any) -> Any:
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]
