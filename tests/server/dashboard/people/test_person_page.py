"""A person's page: what everybody may see, and what is for themselves and administrators."""

from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.access.session_cookie import csrf_of
from tests.conftest import browse_as
from tests.factories import NOON, make_webhook
from tuning.db.engine import transaction
from tuning.notices.outbox import write_own
from tuning.people.models import User
from tuning.people.scopes import Scope
from tuning.secrets.models import Secret

OWN = ("Tokens", "Sessions", "Secrets", "Webhooks", "Who you are")
HOSTILE = "https://hooks.example.org/<script>"


def headings(html: str) -> list[str]:
    return [part.split("</h2>")[0].split(">", 1)[1].split(" <")[0] for part in html.split("<h2")[1:]]


def test_ones_own_page_has_what_is_ones_own(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session], users: Mapping[str, User]
) -> None:
    with transaction(sessions) as session:
        kept = {"owner_id": users["mia"].id, "ciphertext": b"sealed", "created_at": NOON, "updated_at": NOON}
        session.add(Secret(name="HF_TOKEN", **kept))
        make_webhook(session, users["mia"], url=HOSTILE)
    html = browsers["mia"].get("/people/mia").text
    assert set(OWN) <= set(headings(html))
    for words in ("HF_TOKEN", "this one", "POST /api/v1/tokens", "PUT /api/v1/secrets/{name}", "Deliveries"):
        assert words in html
    assert "sealed" not in html
    assert HOSTILE not in html


def test_anothers_page_has_none_of_it(browsers: Mapping[str, TestClient]) -> None:
    html = browsers["mia"].get("/people/lea").text
    assert not set(OWN) & set(headings(html))
    assert "mt 30.0 h" in html
    assert "data-call" not in html


def test_an_administrator_sees_what_they_may_change(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session], users: Mapping[str, User]
) -> None:
    with transaction(sessions) as session:
        kept = {"owner_id": users["mia"].id, "ciphertext": b"?", "created_at": NOON, "updated_at": NOON}
        session.add(Secret(name="HF_TOKEN", **kept))
    html = browsers["root"].get("/people/mia").text
    assert {"Tokens", "Sessions", "Webhooks", "Switch off, or delete"} <= set(headings(html))
    assert "HF_TOKEN" not in html
    assert '<input type="hidden" name="user" value="mia">' in html
    assert "Make a webhook" not in html
    assert "Switch off, or delete" not in browsers["root"].get("/people/root").text


@pytest.mark.parametrize("name", ["vic", "mia"])
def test_who_may_only_look_is_shown_no_change(
    anonymous: TestClient, sessions: sessionmaker[Session], users: Mapping[str, User], name: str
) -> None:
    html = browse_as(anonymous, sessions, users[name], scope=Scope.READ).get(f"/people/{name}").text
    assert "Tokens" in headings(html)
    assert "data-call" not in html


def test_deliveries_are_those_of_a_webhook_of_that_page(
    browsers: Mapping[str, TestClient], sessions: sessionmaker[Session], users: Mapping[str, User]
) -> None:
    with transaction(sessions) as session:
        own, other = make_webhook(session, users["mia"]), make_webhook(session, users["ray"])
        told = write_own(session, own.id, "webhook.test", "a test", NOON)
        ids = own.id, other.id, told.id
    html = browsers["mia"].get(f"/people/mia?webhook={ids[0]}").text
    assert f"POST /api/v1/webhooks/{ids[0]}/deliveries/{ids[2]}/resend" in html
    assert 'data-renew-seconds="3"' in html
    assert browsers["mia"].get(f"/people/mia?webhook={ids[1]}").status_code == 404
    assert browsers["mia"].get(f"/people/mia?webhook={ids[0]}&after=msg_x").status_code == 200


def test_nobody_is_at_an_unknown_name(browsers: Mapping[str, TestClient]) -> None:
    for name in ("nobody", "%00", "a" * 300):
        assert browsers["mia"].get(f"/people/{name}").status_code == 404


def test_the_script_asks_again_for_what_has_changed(browsers: Mapping[str, TestClient]) -> None:
    page = browsers["mia"]
    assert 'data-renew-seconds="5"' in page.get("/people/mia").text
    content = page.get("/people/mia", headers={"X-Fragment": "main"})
    assert "<html" not in content.text
    known = {"X-Fragment": "main", "If-None-Match": content.headers["etag"]}
    assert page.get("/people/mia", headers=known).status_code == 304
    csrf = {"X-CSRF-Token": csrf_of(page.cookies["packtrain_session"])}
    assert page.post("/api/v1/tokens", json={"name": "notebook"}, headers=csrf).status_code == 201
    assert "notebook" in page.get("/people/mia", headers=known).text
