"""Every answer has an id, which is the sender's where that is a sane one."""

import logging

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tuning.people.models import User


def test_every_answer_has_an_id_of_its_own(client: TestClient, anonymous: TestClient) -> None:
    answers = [
        client.get("/api/v1/me"),
        anonymous.get("/api/v1/me"),
        client.get("/api/v1/nothing"),
        client.put("/api/v1/me"),
        client.post("/api/v1/jobs", json={"x": 1}),
        client.get("/healthz"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(answers)


@pytest.mark.parametrize("sent", ["a", "7f3c-11", "01HX:proxy.7_x", "x" * 128])
def test_a_sane_id_is_taken_over(client: TestClient, sent: str) -> None:
    assert client.get("/api/v1/me", headers={"X-Request-Id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "-a", "\u00e4", '<script>"', "a\tb"])
def test_another_is_not_repeated(client: TestClient, sent: str) -> None:
    answer = client.get("/api/v1/me", headers={b"X-Request-Id": sent.encode("latin-1")})
    assert answer.headers["x-request-id"] not in ("", sent)


def test_of_two_ids_none_is_believed(client: TestClient) -> None:
    answer = client.get("/api/v1/me", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert len(answer.headers["x-request-id"]) == 16


def test_a_failure_nobody_foresaw_has_the_id_that_the_log_names(
    client: TestClient, app: FastAPI, caplog: pytest.LogCaptureFixture, user: User
) -> None:
    caplog.set_level(logging.ERROR)
    app.state.sessions = None
    answer = client.get("/api/v1/jobs", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.headers["x-request-id"], answer.json()["code"]) == (500, "mine", "server_failed")
    assert "mine" in [getattr(record, "request_id", None) for record in caplog.records]
