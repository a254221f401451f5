"""Sign-in with a token, and sign-out."""

from collections.abc import Callable
from types import MappingProxyType

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.access.session_cookie import csrf_of
from server.http.bounds.admission import Admission
from tests.factories import NOON, make_token
from tuning.db.engine import transaction
from tuning.people.models import Token, TokenKind, User

# Read-only: a client writes its own headers into the dictionary that it is given.
HTML = MappingProxyType({"Accept": "text/html"})
SignIn = Callable[..., Response]


@pytest.fixture
def token(sessions: sessionmaker[Session], user: User) -> str:
    with transaction(sessions) as session:
        return make_token(session, user)


@pytest.fixture
def sign_in(anonymous: TestClient) -> SignIn:
    """Send the form."""

    def send(token: str, onward: str = "/", **headers: str) -> Response:
        form = {"token": token, "next": onward}
        return anonymous.post("/sign-in", data=form, headers={**HTML, **headers}, follow_redirects=False)

    return send


def test_a_token_begins_a_session_and_the_browser_goes_on(sign_in: SignIn, anonymous: TestClient, token: str) -> None:
    answer = sign_in(f"  {token}\n", "/jobs/job_1?tab=logs", **{"User-Agent": "Firefox"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/job_1?tab=logs")
    assert anonymous.get("/api/v1/me").json()["name"] == "ada"
    found = anonymous.get("/api/v1/sessions").json()["data"][0]
    assert (found["user_agent"], found["address"], found["is_current"]) == ("Firefox", "testclient", True)


def test_the_cookie_is_for_no_script_and_no_other_site(sign_in: SignIn, token: str) -> None:
    cookie = sign_in(token).headers["set-cookie"]
    name, *words = (part.strip() for part in cookie.split(";"))
    assert name.startswith("packtrain_session=ps_")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(words)
    assert any(word.startswith("expires=") for word in words)
    assert not {"Secure", "Domain"} & set(words)
    assert token not in cookie


def test_over_https_the_cookie_is_the_hosts_own(app: FastAPI, anonymous: TestClient, token: str) -> None:
    secure = TestClient(app, base_url="https://train.lab", headers=dict(HTML))
    secure.portal = anonymous.portal
    answer = secure.post("/sign-in", data={"token": token}, follow_redirects=False)
    name, *words = (part.strip() for part in answer.headers["set-cookie"].split(";"))
    assert name.startswith("__Host-packtrain_session=ps_")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(words)
    assert secure.get("/api/v1/me").json()["name"] == "ada"


@pytest.mark.parametrize("text", ["pt_wrong", "", "x" * 5000, "<b>日", "nul\0"])
def test_a_wrong_token_leads_to_the_form_again(sign_in: SignIn, text: str) -> None:
    answer = sign_in(text, "/clusters")
    assert answer.status_code == 401
    assert "ask an administrator for a new one" in answer.text
    assert 'role="alert"' in answer.text
    assert 'value="/clusters"' in answer.text
    assert "set-cookie" not in answer.headers


def test_a_session_signs_nobody_in(signed_in: TestClient, sign_in: SignIn) -> None:
    assert sign_in(signed_in.cookies["packtrain_session"]).status_code == 401


def test_an_ended_token_signs_nobody_in(sign_in: SignIn, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        revoked = make_token(session, user, revoked=True)
        expired = make_token(session, user, expires_at=NOON)
    assert [sign_in(revoked).status_code, sign_in(expired).status_code] == [401, 401]


def test_nobody_is_led_to_another_server(sign_in: SignIn, token: str) -> None:
    assert sign_in(token, "//evil.example/x").headers["location"] == "/"


def test_another_site_signs_nobody_in(sign_in: SignIn, token: str) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert sign_in(token, **headers).status_code == 403
    assert sign_in(token, Origin="http://testserver").status_code == 303


def test_guessing_is_slow_for_an_address(sign_in: SignIn, app: FastAPI, token: str) -> None:
    app.state.admission = Admission(50, 200, lambda: 0.0)
    assert {sign_in(f"pt_{number}").status_code for number in range(30)} == {401}
    refused = sign_in(token)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "too many wrong tokens" in refused.text


def test_the_form_is_a_page_without_scripts_of_others(anonymous: TestClient) -> None:
    answer = anonymous.get("/sign-in?next=/%22%3E%3Cscript%3E", headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert 'value="/&#34;&gt;&lt;script&gt;"' in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_whoever_is_signed_in_goes_on_from_the_form(signed_in: TestClient) -> None:
    answer = signed_in.get("/sign-in?next=/clusters", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/clusters")


def test_sign_out_ends_the_session_and_the_cookie(signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
    text = signed_in.cookies["packtrain_session"]
    answer = signed_in.post("/sign-out", data={"csrf": csrf_of(text)}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert 'packtrain_session=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    with sessions() as session:
        row = session.scalars(select(Token).where(Token.kind == TokenKind.SESSION)).one()
        assert row.revoked_at == NOON
    again = signed_in.post("/sign-out", data={"csrf": csrf_of(text)}, follow_redirects=False)
    assert again.status_code == 303


def test_nobody_else_signs_a_browser_out(signed_in: TestClient) -> None:
    text = signed_in.cookies["packtrain_session"]
    assert signed_in.post("/sign-out").status_code == 403
    assert signed_in.post("/sign-out", data={"csrf": csrf_of("ps_other")}).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert signed_in.post("/sign-out", data={"csrf": csrf_of(text)}, headers=foreign).status_code == 403
    assert signed_in.get("/api/v1/me").status_code == 200
