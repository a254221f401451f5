"""Sign-in by the word of a proxy: believed of its addresses alone, for as long as it names the same user."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.access.session_cookie import csrf_of
from server.main import create_app
from tests.factories import Clock, make_job, make_user
from tuning.db.engine import transaction
from tuning.people.models import SignInWay, Token, TokenKind, User
from tuning.settings import ClusterSettings, Settings

PROXY, ELSEWHERE = "10.0.0.7", "192.0.2.9"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    given = {"proxy_user_header": "X-Remote-User", "proxy_groups_header": "X-Remote-Groups"}
    return settings.model_copy(update={**given, "proxy_addresses": (ip_network("10.0.0.0/24"),)})


@pytest.fixture
def app(settings: Settings, clusters: dict[str, ClusterSettings], clock: Clock) -> Iterator[FastAPI]:
    app = create_app(settings, clusters, clock=clock, grants={"admins": ("administrator",)})
    with TestClient(app):
        yield app


@pytest.fixture(autouse=True)
def _people(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for name in ("ada", "bob"):
            make_user(session, name=name)


def browser_of(app: FastAPI, address: str, user: str | None = None, **headers: str) -> TestClient:
    """A browser whose requests come from this address, with the name that the proxy tells."""
    sent = {"Accept": "text/html, */*", **headers} | ({"X-Remote-User": user} if user is not None else {})
    return TestClient(app, headers=sent, client=(address, 1234), raise_server_exceptions=False)


def name_of(browser: TestClient) -> str | None:
    answer = browser.get("/api/v1/me")
    return str(answer.json()["name"]) if answer.is_success else None


def test_the_first_page_begins_a_session_of_the_named_user(app: FastAPI, sessions: sessionmaker[Session]) -> None:
    browser = browser_of(app, PROXY, "ada")
    assert name_of(browser) is None
    first = browser.get("/?status=running", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in?next=%2F%3Fstatus%3Drunning")
    begun = browser.get(first.headers["location"], follow_redirects=False)
    assert (begun.status_code, begun.headers["location"]) == (303, "/?status=running")
    assert name_of(browser) == "ada"
    with sessions() as session:
        row = session.scalars(select(Token).where(Token.kind == TokenKind.SESSION)).one()
        assert (row.signed_in_by, row.parent_id, row.address) == (SignInWay.PROXY, None, PROXY)


def test_the_session_ends_when_the_proxy_names_somebody_else(app: FastAPI, sessions: sessionmaker[Session]) -> None:
    browser = browser_of(app, PROXY, "ada")
    browser.get("/sign-in", follow_redirects=False)
    text = browser.cookies["packtrain_session"]
    assert name_of(browser) == "ada"
    browser.headers["X-Remote-User"] = "bob"
    assert name_of(browser) is None
    changed = browser.post("/api/v1/tokens", json={"name": "x"}, headers={"X-CSRF-Token": csrf_of(text)})
    assert changed.status_code == 401
    browser.get("/sign-in", follow_redirects=False)
    assert name_of(browser) == "bob"
    with sessions() as session:
        ended = session.scalars(select(Token.revoked_at).where(Token.kind == TokenKind.SESSION)).all()
        assert sorted(end is None for end in ended) == [False, True]


def test_polled_progress_heeds_the_named_user_too(app: FastAPI, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = make_job(session, session.scalars(select(User).where(User.name == "ada")).one()).id
    browser = browser_of(app, PROXY, "ada")
    browser.get("/sign-in", follow_redirects=False)
    assert [browser.get(f"/api/v1/jobs/{job}/progress").status_code for _ in range(2)] == [200, 200]
    browser.headers["X-Remote-User"] = "bob"
    assert browser.get(f"/api/v1/jobs/{job}/progress").status_code == 401


def test_from_elsewhere_the_header_says_nothing(app: FastAPI) -> None:
    browser = browser_of(app, ELSEWHERE, "ada")
    page = browser.get("/sign-in")
    assert (page.status_code, "packtrain_session" in browser.cookies) == (200, False)
    proxied = browser_of(app, PROXY, "ada")
    proxied.get("/sign-in", follow_redirects=False)
    browser.cookies.update(dict(proxied.cookies))
    browser.headers["X-Remote-User"] = "bob"
    assert name_of(browser) == "ada"


@pytest.mark.parametrize("name", ["nobody", "a b", "operator", "x" * 5000, "ada,bob"])
def test_a_name_that_is_no_users_leads_to_the_sign_in_page(app: FastAPI, name: str) -> None:
    page = browser_of(app, PROXY, name).get("/sign-in")
    assert page.status_code == 403
    assert 'role="alert"' in page.text


def test_a_header_that_is_there_twice_signs_nobody_in(app: FastAPI) -> None:
    browser = browser_of(app, PROXY)
    twice = [("X-Remote-User", "ada"), ("X-Remote-User", "bob"), ("Accept", "text/html")]
    assert browser.get("/sign-in", headers=twice).status_code == 401


def test_a_new_user_is_made_only_where_the_operator_says_so(app: FastAPI) -> None:
    assert browser_of(app, PROXY, "eve").get("/sign-in").status_code == 403
    app.state.settings = app.state.settings.model_copy(update={"proxy_new_users": True})
    browser = browser_of(app, PROXY, "eve")
    assert browser.get("/sign-in", follow_redirects=False).status_code == 303
    assert name_of(browser) == "eve"


def test_groups_that_the_proxy_tells_give_roles(app: FastAPI) -> None:
    browser = browser_of(app, PROXY, "ada", **{"X-Remote-Groups": "staff, admins"})
    browser.get("/sign-in", follow_redirects=False)
    assert browser.get("/api/v1/me").json()["role"] == "administrator"


def test_a_proxy_that_tells_no_groups_gives_and_takes_nothing(app: FastAPI, sessions: sessionmaker[Session]) -> None:
    app.state.settings = app.state.settings.model_copy(update={"proxy_groups_header": None})
    with transaction(sessions) as session:
        make_user(session, name="root", is_administrator=True)
        make_user(session, name="root2", is_administrator=True)
    browser = browser_of(app, PROXY, "root", **{"X-Remote-Groups": "staff"})
    browser.get("/sign-in", follow_redirects=False)
    assert browser.get("/api/v1/me").json()["role"] == "administrator"


def test_whoever_is_switched_off_gets_no_session(app: FastAPI, sessions: sessionmaker[Session], clock: Clock) -> None:
    with transaction(sessions) as session:
        session.scalars(select(User).where(User.name == "ada")).one().disabled_at = clock()
    page = browser_of(app, PROXY, "ada").get("/sign-in")
    assert page.status_code == 403
    assert "switched off" in page.text
