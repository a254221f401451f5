"""Tokens over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, Clock, make_token
from tuning.db.engine import transaction
from tuning.people.models import Token, User
from tuning.people.tokens import MOST_TOKENS


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_token_is_shown_once_and_lets_its_user_in(
    client: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
) -> None:
    made = client.post("/api/v1/tokens", json={"name": "laptop"})
    assert made.status_code == 201
    text = made.json()["token"]
    listed = client.get("/api/v1/tokens").json()["data"]
    assert {token["name"] for token in listed} == {"test", "laptop"}
    assert all("token" not in token for token in listed)
    assert anonymous.get("/api/v1/me", headers=bearer(text)).json()["name"] == "ada"
    with sessions() as session:
        assert text not in str(session.execute(select(Token.__table__)).all())


def test_a_revoked_token_lets_nobody_in(client: TestClient, anonymous: TestClient) -> None:
    made = client.post("/api/v1/tokens", json={"name": "laptop"}).json()
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert anonymous.get("/api/v1/me", headers=bearer(made["token"])).status_code == 401
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 404
    assert made["id"] not in client.get("/api/v1/tokens").text


def test_an_administrator_makes_users_by_name(administrator: TestClient, anonymous: TestClient) -> None:
    made = administrator.post("/api/v1/tokens", json={"name": "ci", "user": "bob"}).json()
    me = anonymous.get("/api/v1/me", headers=bearer(made["token"])).json()
    assert (me["name"], me["is_administrator"], made["user"]) == ("bob", False, "bob")
    again = administrator.post("/api/v1/tokens", json={"name": "ci2", "user": "bob"}).json()
    assert anonymous.get("/api/v1/me", headers=bearer(again["token"])).json()["id"] == me["id"]


def test_others_tokens_are_an_administrators_business(client: TestClient, administrator: TestClient) -> None:
    assert client.post("/api/v1/tokens", json={"name": "x", "user": "root"}).status_code == 403
    theirs = administrator.get("/api/v1/tokens").json()["data"]
    assert {token["user"] for token in theirs} == {"ada", "root"}
    assert {token["user"] for token in client.get("/api/v1/tokens").json()["data"]} == {"ada"}
    of_root = next(token["id"] for token in theirs if token["user"] == "root")
    assert client.delete(f"/api/v1/tokens/{of_root}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "user": "a b"},
        {"name": "x", "user": ""},
        {"name": "nul\0"},
        {"name": "x" * 101},
        {"name": "x", "expires_at": "2026-11-21T11:59:59Z"},
        {"name": "x", "expires_at": "9999-12-31T23:59:59-23:00"},
        {"name": "x", "expires_at": "2027-01-01T00:00:00"},
        {"name": "x", "is_administrator": True},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["write"]},
        {"name": "x", "scopes": "read"},
    ],
    ids=str,
)
def test_a_token_that_makes_no_sense_is_refused(administrator: TestClient, body: dict[str, Any]) -> None:
    answer = administrator.post("/api/v1/tokens", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_token_that_is_not_there(client: TestClient) -> None:
    for token_id in ("tok_0", "%00", "tok_%00", "x"):
        assert client.delete(f"/api/v1/tokens/{token_id}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, ["read", "submit"]),
        (["read"], ["read"]),
        (["submit"], ["read", "submit"]),
        (["submit", "read"], ["read", "submit"]),
    ],
    ids=str,
)
def test_a_token_says_what_it_may_do(
    client: TestClient, anonymous: TestClient, asked: list[str] | None, given: list[str]
) -> None:
    made = client.post("/api/v1/tokens", json={"name": "x", "scopes": asked}).json()
    assert made["scopes"] == given
    assert anonymous.get("/api/v1/me", headers=bearer(made["token"])).json()["scopes"] == given
    listed = {token["id"]: token["scopes"] for token in client.get("/api/v1/tokens").json()["data"]}
    assert listed[made["id"]] == given


def test_no_token_makes_one_that_may_more(client: TestClient, administrator: TestClient, anonymous: TestClient) -> None:
    refused = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["read", "admin"]})
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert administrator.get("/api/v1/me").json()["scopes"] == ["read", "submit", "admin"]
    narrow = administrator.post("/api/v1/tokens", json={"name": "x", "scopes": ["submit"]}).json()["token"]
    further = anonymous.post("/api/v1/tokens", json={"name": "y"}, headers=bearer(narrow)).json()
    assert further["scopes"] == ["read", "submit"]
    wide = anonymous.post("/api/v1/tokens", json={"name": "y", "scopes": ["admin"]}, headers=bearer(narrow))
    assert wide.status_code == 403


def test_an_ordinary_users_token_never_has_the_scope_admin(administrator: TestClient) -> None:
    usual = administrator.post("/api/v1/tokens", json={"name": "x", "user": "bob"}).json()
    assert usual["scopes"] == ["read", "submit"]
    answer = administrator.post("/api/v1/tokens", json={"name": "x", "user": "bob", "scopes": ["admin"]})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, "bob is no administrator")
    narrow = administrator.post("/api/v1/tokens", json={"name": "x", "user": "bob", "scopes": ["read"]}).json()
    assert narrow["scopes"] == ["read"]


def test_a_person_has_so_many_tokens_at_most_whoever_makes_them(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session], clock: Clock
) -> None:
    with transaction(sessions) as session:
        ada = session.scalars(select(User).where(User.name == "ada")).one()
        for _ in range(MOST_TOKENS - 2):
            make_token(session, ada)
        make_token(session, ada, expires_at=clock() - timedelta(seconds=1))
        make_token(session, ada, revoked=True)
    last = client.post("/api/v1/tokens", json={"name": "last"})
    assert last.status_code == 201, "an expired one does not count"
    for maker, body in ((client, {"name": "x"}), (administrator, {"name": "x", "user": "ada"})):
        refused = maker.post("/api/v1/tokens", json=body)
        assert refused.status_code == 409
        assert f"ada has {MOST_TOKENS} tokens" in refused.json()["detail"]
        assert "DELETE" in refused.text
    assert administrator.post("/api/v1/tokens", json={"name": "x"}).status_code == 201
    assert client.delete(f"/api/v1/tokens/{last.json()['id']}").status_code == 204
    assert client.post("/api/v1/tokens", json={"name": "in its place"}).status_code == 201


def pages(who: TestClient, limit: int) -> Iterator[list[str]]:
    """The ids of each page."""
    after: str | None = None
    while True:
        page = who.get("/api/v1/tokens", params={"limit": limit} | ({"after": after} if after else {})).json()
        yield [token["id"] for token in page["data"]]
        after = page["next"]
        assert page["has_more"] is (after is not None)
        if after is None:
            return


def test_the_list_of_tokens_has_pages_and_is_whole_without_them(
    client: TestClient, administrator: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        ada = session.scalars(select(User).where(User.name == "ada")).one()
        for _ in range(60):
            make_token(session, ada)
        for number, token in enumerate(session.scalars(select(Token))):
            token.created_at = NOON + timedelta(seconds=number // 2)
    for who, count in ((client, 61), (administrator, 62)):
        whole = [token["id"] for token in who.get("/api/v1/tokens").json()["data"]]
        assert len(whole) == count
        found = list(pages(who, 7))
        assert [len(page) for page in found[:-1]] == [7] * (len(found) - 1)
        assert [token for page in found for token in page] == whole


@pytest.mark.parametrize("cursor", ["tok_unknown", "x", "tok_\x00", "theirs"])
def test_a_cursor_that_was_never_given_out_is_refused(
    client: TestClient, administrator: TestClient, cursor: str
) -> None:
    theirs = administrator.post("/api/v1/tokens", json={"name": "x"}).json()["id"]
    after = theirs if cursor == "theirs" else cursor
    assert client.get("/api/v1/tokens", params={"after": after}).status_code == 422
