"""Sign-in by a provider that tells lies, and by one that is away: who gets in, and what others are told."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.access.session_cookie import csrf_of
from server.http.bounds.admission import Admission
from server.main import create_app
from tests.factories import Clock, make_user
from tests.oidc_provider import lying
from tests.oidc_provider.lying import LyingProvider, lying_provider
from tuning.db.engine import transaction
from tuning.people.models import Token, TokenKind, User
from tuning.settings import ClusterSettings, Settings

BEGIN, CALLBACK = "/sign-in/oidc", "/sign-in/oidc/callback"
# Read-only: a client writes its own headers into the dictionary that it is given.
HTML = MappingProxyType({"Accept": "text/html"})


class Visitor:
    """A browser that signs in by the provider."""

    def __init__(self, client: TestClient, provider: LyingProvider, clock: Clock) -> None:
        self.client, self.provider, self._clock = client, provider, clock
        self.asked: dict[str, str] = {}

    def begin(self, onward: str = "/clusters") -> Response:
        answer = self.client.get(BEGIN, params={"next": onward}, follow_redirects=False)
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        self.asked = {name: values[0] for name, values in query.items()}
        nonce = self.asked.get("nonce", "")
        self.provider.claims = self.provider.whole_claims(nonce, self._clock().timestamp())
        return answer

    def come_back(self, code: str = "code", **changes: str) -> Response:
        query = {"code": code, "state": self.asked["state"], **changes}
        return self.client.get(CALLBACK, params=query, follow_redirects=False)

    def is_in(self) -> bool:
        return "packtrain_session" in self.client.cookies


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, provider: LyingProvider) -> Settings:
    """The usual ones, with the provider, which makes users."""
    return settings.model_copy(
        update={"oidc_issuer": provider.issuer, "oidc_client_id": lying.CLIENT, "oidc_new_users": True}
    )


@pytest.fixture
def visitor(anonymous: TestClient, provider: LyingProvider, clock: Clock) -> Visitor:
    anonymous.headers.update(HTML)
    return Visitor(anonymous, provider, clock)


def test_whom_the_provider_vouches_for_is_signed_in(visitor: Visitor, sessions: sessionmaker[Session]) -> None:
    begun = visitor.begin("/jobs/job_1?tab=logs")
    assert begun.status_code == 303
    assert begun.headers["location"].startswith(f"{visitor.provider.issuer}/authorize?")
    assert visitor.asked["redirect_uri"] == "http://testserver/sign-in/oidc/callback"
    assert (visitor.asked["response_type"], visitor.asked["code_challenge_method"]) == ("code", "S256")
    assert len({visitor.asked[name] for name in ("state", "nonce", "code_challenge")}) == 3
    answer = visitor.come_back(iss=visitor.provider.issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/job_1?tab=logs")
    me = visitor.client.get("/api/v1/me").json()
    assert (me["name"], me["scopes"], me["role"]) == ("ada", ["read", "submit"], "member")
    with sessions() as session:
        user = session.scalars(select(User)).one()
        assert (user.oidc_issuer, user.oidc_subject) == (visitor.provider.issuer, "sub-1")
        assert session.scalars(select(Token.signed_in_by).where(Token.kind == TokenKind.SESSION)).one() == "oidc"


def test_what_the_browser_keeps_on_the_way_is_for_no_script_and_no_eye(visitor: Visitor) -> None:
    cookie = visitor.begin().headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600"} <= {part.strip() for part in cookie.split(";")}
    assert visitor.asked["nonce"] not in cookie
    assert visitor.asked["state"] not in cookie


Claims = dict[str, Any]


LIES = [
    "nonce",
    "no nonce",
    "audience",
    "party",
    "many",
    "azp",
    "issuer",
    "expired",
    "no end",
    "future",
    "nbf",
    "no sub",
    "number",
    "long",
    "at_hash",
    "no time",
]


@pytest.mark.parametrize(
    "lie",
    [
        lambda claims: {**claims, "nonce": "another"},
        lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
        lambda claims: {**claims, "aud": "another-client"},
        lambda claims: {**claims, "aud": "another-client", "azp": "packtrain"},
        lambda claims: {**claims, "aud": ["packtrain", "other"]},
        lambda claims: {**claims, "aud": ["packtrain", "other"], "azp": "other"},
        lambda claims: {**claims, "iss": "https://evil.example"},
        lambda claims: {**claims, "exp": claims["iat"] - 61},
        lambda claims: {name: value for name, value in claims.items() if name != "exp"},
        lambda claims: {**claims, "iat": claims["iat"] + 3600},
        lambda claims: {**claims, "nbf": claims["iat"] + 3600},
        lambda claims: {**claims, "sub": ""},
        lambda claims: {**claims, "sub": 17},
        lambda claims: {**claims, "sub": "x" * 256},
        lambda claims: {**claims, "at_hash": "x"},
        lambda claims: {**claims, "exp": "tomorrow"},
    ],
    ids=LIES,
)
def test_a_claim_that_does_not_hold_lets_nobody_in(visitor: Visitor, lie: Callable[[Claims], Claims]) -> None:
    visitor.begin()
    visitor.provider.claims = lie(visitor.provider.claims)
    answer = visitor.come_back()
    assert (answer.status_code, visitor.is_in()) == (401, False)
    assert "does not hold" in answer.text
    assert 'value="/clusters"' in answer.text


@pytest.mark.parametrize("sign", [lying.signed_by_another, lying.signed_by_public_key, lying.unsigned])
def test_a_signature_that_is_not_the_providers_lets_nobody_in(visitor: Visitor, sign: Callable[[Claims], str]) -> None:
    visitor.begin()
    visitor.provider.sign = sign
    assert (visitor.come_back().status_code, visitor.is_in()) == (401, False)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", "..", "x" * 200_000, "\x00"])
def test_what_is_no_id_token_lets_nobody_in(visitor: Visitor, text: str) -> None:
    visitor.begin()
    visitor.provider.sign = lambda _: text
    assert (visitor.come_back().status_code, visitor.is_in()) == (401, False)


def test_a_new_key_of_the_provider_is_read(visitor: Visitor, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.begin()
    assert visitor.come_back().status_code == 303
    visitor.client.cookies.delete("packtrain_session")
    visitor.begin()
    visitor.provider.sign = lying.signed_by_next
    assert visitor.come_back().status_code == 401, "told so lately that they are not read again at once"
    monkeypatch.setattr("server.dashboard.sign_in.provider.client._KEYS_AGAIN_AFTER_SECONDS", 0.0)
    visitor.begin()
    assert visitor.come_back().status_code == 401, "it does not tell that key"
    visitor.provider.keys.append(lying.NEXT_KEY.as_dict(private=False))
    visitor.begin()
    assert visitor.come_back().status_code == 303


@pytest.mark.parametrize(
    "changes", [{"state": "another"}, {"state": ""}, {"iss": "https://evil.example"}, {"code": ""}]
)
def test_an_answer_to_another_question_lets_nobody_in(visitor: Visitor, changes: dict[str, str]) -> None:
    visitor.begin()
    assert (visitor.come_back(**changes).status_code, visitor.is_in()) == (401, False)
    assert "/token" not in visitor.provider.asked


def test_a_sign_in_that_this_browser_did_not_begin_lets_nobody_in(visitor: Visitor, app: FastAPI) -> None:
    visitor.begin()
    other = TestClient(app, headers=dict(HTML))
    other.portal = visitor.client.portal
    answer = other.get(CALLBACK, params={"code": "x", "state": visitor.asked["state"]})
    assert answer.status_code == 401
    assert "not begun here" in answer.text


def test_a_sign_in_comes_back_once_and_soon(visitor: Visitor, clock: Clock) -> None:
    visitor.begin()
    assert visitor.come_back().status_code == 303
    assert visitor.come_back().status_code == 401
    visitor.begin()
    clock.advance(601)
    assert visitor.come_back().status_code == 401


def test_a_kept_sign_in_that_was_tampered_with_lets_nobody_in(visitor: Visitor) -> None:
    visitor.begin()
    sealed = visitor.client.cookies["packtrain_oidc"]
    visitor.client.cookies.clear()
    other = "y" if sealed[-9] == "x" else "x"
    visitor.client.cookies.set("packtrain_oidc", f"{sealed[:-9]}{other}{sealed[-8:]}")
    assert visitor.come_back().status_code == 401


def test_what_the_provider_refuses_is_told_as_text(visitor: Visitor) -> None:
    visitor.begin()
    answer = visitor.come_back(code="", error="access_denied<script>")
    assert answer.status_code == 403
    assert "access_denied&lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    ("status", "raw"),
    [(500, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b"[" * 100_000), (404, b"{}"), (200, b" " * 1_200_000)],
    ids=["error", "html", "list", "deep", "nothing", "large"],
)
def test_a_provider_that_is_ill_is_told_as_a_page(visitor: Visitor, status: int, raw: bytes) -> None:
    visitor.provider.status, visitor.provider.raw = status, raw
    answer = visitor.begin()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "does not work now" in answer.text
    assert 'name="token"' in answer.text
    visitor.provider.status, visitor.provider.raw = 200, None
    assert visitor.begin().status_code == 303
    visitor.provider.status, visitor.provider.raw = status, raw
    assert visitor.come_back().status_code in (401, 503)
    assert not visitor.is_in()


def test_a_provider_that_is_away_is_told_as_a_page(
    settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock
) -> None:
    away = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    with TestClient(create_app(away, clusters, clock=clock), headers=dict(HTML)) as client:
        assert client.get(BEGIN).status_code == 503
        assert "Sign in with 127.0.0.1" in client.get("/sign-in").text


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": None},
        {"token_endpoint": "ftp://x"},
        {"authorization_endpoint": 7},
    ],
    ids=str,
)
def test_a_description_that_is_no_use_lets_nobody_in(visitor: Visitor, change: dict[str, Any]) -> None:
    visitor.provider.description |= change
    if visitor.begin().status_code == 303:
        assert visitor.come_back().status_code == 503
    assert not visitor.is_in()


def test_claims_of_the_userinfo_are_those_of_the_same_person(visitor: Visitor) -> None:
    visitor.provider.description["userinfo_endpoint"] = f"{visitor.provider.issuer}/userinfo"
    visitor.begin()
    del visitor.provider.claims["preferred_username"]
    visitor.provider.userinfo = {"sub": "sub-2", "preferred_username": "root"}
    assert visitor.come_back().status_code == 401
    visitor.begin()
    del visitor.provider.claims["preferred_username"]
    visitor.provider.userinfo = {"sub": "sub-1", "preferred_username": "ada", "nonce": "x"}
    assert visitor.come_back().status_code == 303


def test_a_renamed_account_takes_over_no_user(visitor: Visitor, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_user(session, name="root", is_administrator=True)
    visitor.begin()
    visitor.provider.claims |= {"sub": "sub-9", "preferred_username": "root"}
    answer = visitor.come_back()
    assert (answer.status_code, visitor.is_in()) == (403, False)
    assert "there is a user root already" in answer.text


def test_a_user_who_was_switched_off_is_told_so(
    visitor: Visitor, sessions: sessionmaker[Session], clock: Clock
) -> None:
    visitor.begin()
    assert visitor.come_back().status_code == 303
    with transaction(sessions) as session:
        session.scalars(select(User)).one().disabled_at = clock()
    visitor.client.cookies.delete("packtrain_session")
    visitor.begin()
    answer = visitor.come_back()
    assert (answer.status_code, visitor.is_in()) == (403, False)
    assert "ada is switched off" in answer.text


def test_guessed_codes_are_held_up(visitor: Visitor, app: FastAPI) -> None:
    app.state.admission = Admission(50, 200, lambda: 0.0)
    visitor.provider.token_answer = {"error": "invalid_grant"}
    statuses = []
    for number in range(31):
        visitor.begin()
        statuses.append(visitor.come_back(code=str(number)).status_code)
    assert (set(statuses[:-1]), statuses[-1]) == ({401}, 429)


def test_without_a_provider_there_is_no_such_way(
    settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock
) -> None:
    none = settings.model_copy(update={"oidc_issuer": None})
    with TestClient(create_app(none, clusters, clock=clock), headers=dict(HTML)) as client:
        assert client.get(BEGIN).status_code == 404
        assert client.get(CALLBACK).status_code == 404
        assert "oidc" not in client.get("/sign-in").text


def sign_out(visitor: Visitor) -> Response:
    visitor.begin()
    visitor.come_back()
    csrf = csrf_of(visitor.client.cookies["packtrain_session"])
    return visitor.client.post("/sign-out", data={"csrf": csrf}, follow_redirects=False)


def test_a_sign_out_leads_on_to_the_end_of_the_providers_session(visitor: Visitor) -> None:
    visitor.provider.description |= {"end_session_endpoint": f"{visitor.provider.issuer}/end?realm=lab"}
    answer = sign_out(visitor)
    assert answer.status_code == 200
    [address] = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    onward = quote("http://testserver/sign-in", safe="")
    end = f"{visitor.provider.issuer}/end?realm=lab&client_id=packtrain&post_logout_redirect_uri={onward}"
    assert unescape(address) == end
    assert not visitor.is_in()


@pytest.mark.parametrize("endpoint", [None, "javascript:alert(1)"])
def test_without_a_usable_end_at_the_provider_a_sign_out_ends_here(visitor: Visitor, endpoint: str | None) -> None:
    if endpoint is not None:
        visitor.provider.description |= {"end_session_endpoint": endpoint}
    answer = sign_out(visitor)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not visitor.is_in()
