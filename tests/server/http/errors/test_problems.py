"""Every refusal has a code of the closed list that the document tells."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.http.errors.error_handlers import _STATUSES, answer_to
from server.http.errors.problems import ProblemCode, problem
from tuning.errors import ClusterError, Unreachable


def test_the_document_has_the_closed_list(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    assert schemas["ProblemCode"]["enum"] == [code.value for code in ProblemCode]
    assert "code" in schemas["Problem"]["required"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/jobs/job_none", None, 404, "not_found"),
        ("PUT", "/api/v1/jobs", {}, 405, "method_not_allowed"),
        ("POST", "/api/v1/jobs", {"x": 1}, 422, "invalid"),
        ("GET", "/api/v1/jobs?q=" + "x" * 20_000, None, 414, "query_too_long"),
    ],
)
def test_a_refusal_says_its_kind(
    client: TestClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_without_a_token_nobody_is_authenticated(anonymous: TestClient) -> None:
    assert anonymous.get("/api/v1/me").json()["code"] == "not_authenticated"


def test_a_cluster_that_is_away_and_one_that_fails_are_told_apart() -> None:
    assert b'"cluster_unavailable"' in bytes(answer_to(Unreachable("no route")).body)
    assert b'"cluster_failed"' in bytes(answer_to(ClusterError("no such file")).body)


@pytest.mark.parametrize("status", sorted({*_STATUSES.values(), 400, 405, 408, 413, 414, 415, 416, 422, 500}))
def test_each_status_of_ours_has_a_code_of_its_own(status: int) -> None:
    is_told = status == 400 or b'"bad_request"' not in bytes(problem(status, "x").body)
    assert is_told
