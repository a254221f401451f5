"""Credentials at the gate: a token in its header, a session in its cookie, neither in place of the other."""

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.bounds.admission import Admission
from tests.conftest import browse_as
from tests.factories import Clock, make_token, make_user
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.people.scopes import Scope

ME = "/api/v1/me"


@pytest.fixture
def text(signed_in: TestClient) -> str:
    """The text of the browser's session."""
    return str(signed_in.cookies["packtrain_session"])


@pytest.fixture
def bare(anonymous: TestClient) -> TestClient:
    """A client that sends nothing of itself but a cookie, which the test sets."""
    client = TestClient(anonymous.app, raise_server_exceptions=False)
    client.portal = anonymous.portal
    return client


def test_a_session_in_its_cookie_stands_for_its_user(signed_in: TestClient) -> None:
    me = signed_in.get(ME).json()
    assert (me["name"], me["scopes"], me["token_id"][:4]) == ("ada", ["read", "submit"], "ses_")


def test_a_session_is_no_bearer_token(bare: TestClient, text: str) -> None:
    answer = bare.get(ME, headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "this needs a token")


def test_a_token_is_no_cookie(bare: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        token = make_token(session, user)
    bare.cookies.set("packtrain_session", token)
    assert bare.get(ME).status_code == 401
    assert bare.get(ME, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_header_goes_before_the_cookie(signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        bob = make_token(session, make_user(session, name="bob"))
    assert signed_in.get(ME, headers={"Authorization": f"Bearer {bob}"}).json()["name"] == "bob"
    assert signed_in.get(ME, headers={"Authorization": "Bearer pt_wrong"}).status_code == 401


def test_a_session_changes_things_from_our_own_page_alone(signed_in: TestClient, bare: TestClient, text: str) -> None:
    assert signed_in.post("/api/v1/tokens", json={"name": "x"}).status_code == 201
    bare.cookies.set("packtrain_session", text)
    refused = bare.post("/api/v1/tokens", json={"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_refused")
    foreign = signed_in.post("/api/v1/tokens", json={"name": "x"}, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "csrf_refused")
    assert signed_in.post("/api/v1/tokens", json={"name": "x"}, headers={"Origin": "http://testserver"}).is_success


def test_an_upload_by_a_session_is_refused_before_its_body(bare: TestClient, text: str) -> None:
    bare.cookies.set("packtrain_session", text)
    files = {"file": ("x.json", b"[]")}
    refused = bare.post("/api/v1/datasets", files=files)
    assert (refused.status_code, refused.headers["connection"]) == (403, "close")


def test_a_session_may_do_no_more_than_its_token(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    reader = browse_as(anonymous, sessions, user, scope=Scope.READ)
    assert reader.get("/api/v1/jobs").status_code == 200
    assert reader.post("/api/v1/tokens", json={"name": "x"}).json()["code"] == "not_allowed"


def test_a_session_that_ended_is_told_to_sign_in(signed_in: TestClient, clock: Clock) -> None:
    clock.advance(3601)
    answer = signed_in.get(ME)
    assert (answer.status_code, answer.json()["detail"]) == (401, "this session has ended")
    assert "/sign-in" in answer.json()["hint"]


def test_requests_by_sessions_count_as_those_of_their_user(signed_in: TestClient, app: FastAPI) -> None:
    app.state.admission = Admission(1, 3, lambda: 0.0)
    assert [signed_in.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
    wrong = [
        signed_in.get(ME, headers={"Cookie": f"packtrain_session=ps_{number}"}).status_code for number in range(31)
    ]
    assert (set(wrong[:-1]), wrong[-1]) == ({401}, 429)
