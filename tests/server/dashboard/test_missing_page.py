"""Addresses at which there is no page."""

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize("path", ["/nothing", "/jobs/a/b/c", "/<script>alert(1)</script>"])
def test_a_browser_is_told_so_on_a_page(signed_in: TestClient, path: str) -> None:
    answer = signed_in.get(path)
    assert answer.status_code == 404
    assert "there is no page /" in answer.text
    assert "<script>alert" not in answer.text
    assert '<a href="/">' in answer.text


def test_whoever_is_not_signed_in_is_told_too(anonymous: TestClient) -> None:
    answer = anonymous.get("/nothing", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_a_program_gets_a_problem_document(anonymous: TestClient) -> None:
    answer = anonymous.get("/nothing", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/version", "/openapi.json", "/metrics"])
def test_what_is_there_is_not_hidden(anonymous: TestClient, path: str) -> None:
    assert anonymous.get(path, headers={"Accept": "text/html"}).status_code == 200
