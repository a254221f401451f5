"""Tokens over HTTP."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tuning.accounts.models import Token


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
