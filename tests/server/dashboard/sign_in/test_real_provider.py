"""Sign-in by a real provider (npm's oidc-provider) on the loopback, walked through as a browser does."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from httpx2 import Response
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.main import create_app
from tests.factories import make_team, make_user
from tests.oidc_provider.real import RealProvider, running_provider, walk_through
from tuning.db.engine import transaction
from tuning.people.models import AuditEntry, User
from tuning.settings import ClusterSettings, Settings

pytestmark = pytest.mark.system
SECRET = "a/secret+with:signs"
GRANTS = {
    "/lab/mt": ("team:mt",),
    "/lab/mt-leads": ("lead:mt",),
    "/lab/admins": ("administrator",),
    "/guests": ("viewer",),
}


@dataclass(frozen=True)
class Site:
    """A server whose people sign in by the provider."""

    app: FastAPI
    provider: RealProvider

    def browser(self) -> TestClient:
        return TestClient(self.app, headers={"Accept": "text/html, */*"})

    def sign_in(self, subject: str) -> tuple[TestClient, Response]:
        """A new browser in which somebody signs in, and the answer to it."""
        browser = self.browser()
        begun = browser.get("/sign-in/oidc?next=/people", follow_redirects=False)
        back = walk_through(begun.headers["location"], subject)
        return browser, browser.get(back, follow_redirects=False)


@pytest.fixture(scope="module", params=[None, SECRET], ids=["public", "secret"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    redirects = ["http://testserver/sign-in/oidc/callback"]
    with running_provider(tmp_path_factory.mktemp("provider"), redirects, secret=request.param) as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, provider: RealProvider) -> Settings:
    secret = provider.values["client_secret"]
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": "packtrain", "oidc_new_users": True}
    return settings.model_copy(update={**given, "oidc_client_secret": SecretStr(secret) if secret else None})


@pytest.fixture
def site(settings: Settings, clusters: dict[str, ClusterSettings], provider: RealProvider) -> Iterator[Site]:
    """On the real time, which is the provider's."""
    app = create_app(settings, clusters, grants=GRANTS)
    with TestClient(app):
        yield Site(app, provider)


@pytest.fixture
def teams(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_team(session, "mt")


@pytest.mark.usefixtures("teams")
def test_a_first_sign_in_makes_the_user_with_the_teams_of_their_groups(
    site: Site, sessions: sessionmaker[Session]
) -> None:
    site.provider.set_account(
        "sub-1", preferred_username="ada", name="Ada L.", email="ada@lab.org", email_verified=True,
        groups=["/lab/mt", "/lab/mt-leads", "/elsewhere"],
    )  # fmt: skip
    browser, answer = site.sign_in("sub-1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["role"], me["default_team"]) == ("ada", "member", "mt")
    assert me["teams"] == [{"name": "mt", "is_lead": True}]
    with sessions() as session:
        user = session.scalars(select(User)).one()
        assert (user.display_name, user.email, user.oidc_subject) == ("Ada L.", "ada@lab.org", "sub-1")
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert actions[-4:] == ["user.created", "user.linked", "member.set", "session.begun"]


@pytest.mark.usefixtures("teams")
def test_groups_are_applied_anew_at_each_sign_in(site: Site) -> None:
    site.provider.set_account("sub-2", preferred_username="bob", groups=["/lab/mt", "/lab/admins"])
    browser, _ = site.sign_in("sub-2")
    assert browser.get("/api/v1/me").json()["role"] == "administrator"
    site.provider.set_account("sub-3", preferred_username="eve", groups=["/lab/admins"])
    site.sign_in("sub-3")
    site.provider.set_account("sub-2", preferred_username="bob2", groups=["/guests"])
    browser, _ = site.sign_in("sub-2")
    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["role"], me["scopes"]) == ("bob", "viewer", ["read"])
    assert me["teams"] == [{"name": "lab", "is_lead": False}]


def test_the_last_administrator_stays_one(site: Site) -> None:
    site.provider.set_account("sub-2", preferred_username="bob", groups=["/lab/admins"])
    site.sign_in("sub-2")
    site.provider.set_account("sub-2", preferred_username="bob", groups=[])
    browser, answer = site.sign_in("sub-2")
    assert answer.status_code == 303
    assert browser.get("/api/v1/me").json()["role"] == "administrator"


def test_a_name_that_is_none_here_is_refused_in_words(site: Site) -> None:
    for name in ("a b", "operator", "-x"):
        site.provider.set_account("sub-5", preferred_username=name)
        _, answer = site.sign_in("sub-5")
        assert answer.status_code == 403
        assert "cannot be a user" in answer.text


def test_a_user_of_that_name_is_taken_over_only_where_the_operator_says_so(
    site: Site, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_user(session, name="ada")
    site.provider.set_account("sub-1", preferred_username="ada")
    _, answer = site.sign_in("sub-1")
    assert answer.status_code == 403
    assert "there is a user ada already" in answer.text
    site.app.state.settings = site.app.state.settings.model_copy(update={"oidc_link_existing": True})
    browser, answer = site.sign_in("sub-1")
    assert browser.get("/api/v1/me").json()["name"] == "ada"
    site.provider.set_account("sub-9", preferred_username="ada")
    _, answer = site.sign_in("sub-9")
    assert answer.status_code == 403
    assert "belongs to another account" in answer.text


def test_a_code_that_was_used_lets_nobody_in_again(site: Site) -> None:
    site.provider.set_account("sub-1", preferred_username="ada")
    browser = site.browser()
    back = walk_through(browser.get("/sign-in/oidc", follow_redirects=False).headers["location"], "sub-1")
    kept = dict(browser.cookies)
    assert browser.get(back, follow_redirects=False).status_code == 303
    again = site.browser()
    again.cookies.update(kept)
    assert again.get(back, follow_redirects=False).status_code == 401


def test_an_email_names_a_user_only_where_it_is_verified(site: Site) -> None:
    site.app.state.settings = site.app.state.settings.model_copy(update={"oidc_user_claim": "email"})
    site.provider.set_account("sub-1", email="ada@lab.org", email_verified=False)
    _, answer = site.sign_in("sub-1")
    assert answer.status_code == 403
    assert "not verified" in answer.text
    site.provider.set_account("sub-1", email="ada@lab.org", email_verified=True)
    browser, _ = site.sign_in("sub-1")
    assert browser.get("/api/v1/me").json()["name"] == "ada@lab.org"


def test_the_sign_in_page_leads_to_the_provider(site: Site) -> None:
    page = site.browser().get("/sign-in?next=/data").text
    assert 'href="/sign-in/oidc?next=/data"' in page
    assert "Sign in with 127.0.0.1" in page
