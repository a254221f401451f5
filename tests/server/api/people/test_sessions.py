"""Sessions over HTTP."""

from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.cache import Feed
from tests.conftest import browse_as
from tests.factories import make_token, make_user
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.people.roles import Role

SESSIONS = "/api/v1/sessions"


def test_ones_sessions_are_listed_without_their_text(signed_in: TestClient, client: TestClient) -> None:
    answer = signed_in.get(SESSIONS)
    found = answer.json()["data"][0]
    assert (found["user"], found["signed_in_by"], found["is_current"]) == ("ada", "token", True)
    assert (found["address"], found["user_agent"], found["scopes"]) == ("192.0.2.1", "Chromium", ["read", "submit"])
    assert signed_in.cookies["packtrain_session"] not in answer.text
    assert [each["is_current"] for each in client.get(SESSIONS).json()["data"]] == [False]
    assert client.get("/api/v1/tokens").json()["data"] != []
    assert found["id"] not in client.get("/api/v1/tokens").text


def test_an_ended_session_lets_nobody_in(signed_in: TestClient, client: TestClient) -> None:
    own = signed_in.get(SESSIONS).json()["data"][0]["id"]
    assert client.delete(f"{SESSIONS}/{own}").status_code == 204
    assert signed_in.get("/api/v1/jobs").status_code == 401
    assert client.delete(f"{SESSIONS}/{own}").status_code == 404
    assert client.get(SESSIONS).json()["data"] == []


def test_a_revoked_token_ends_its_sessions_in_memory_too(
    signed_in: TestClient, client: TestClient, app: FastAPI, anonymous: TestClient
) -> None:
    found = signed_in.get(SESSIONS).json()["data"][0]
    feed: Feed = app.state.feed
    assert anonymous.portal is not None
    assert client.delete(f"/api/v1/tokens/{found['token_id']}").status_code == 204
    anonymous.portal.call(feed.tick)
    assert signed_in.get("/api/v1/events?limit=1").status_code == 401
    assert client.get(SESSIONS).json()["data"] == []


def test_others_sessions_are_an_administrators_business(signed_in: TestClient, administrator: TestClient) -> None:
    own = signed_in.get(SESSIONS).json()["data"][0]
    assert [each["id"] for each in administrator.get(SESSIONS).json()["data"]] == [own["id"]]
    assert administrator.delete(f"{SESSIONS}/{own['id']}").status_code == 204
    entry = administrator.get("/api/v1/audit?action=session.ended").json()["data"][0]
    assert (entry["actor"], entry["subject"], entry["before"]) == ("root", own["id"], {"user": "ada"})


def test_nobody_ends_the_session_of_somebody_else(
    signed_in: TestClient, anonymous: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
    other = browse_as(anonymous, sessions, bob)
    own = signed_in.get(SESSIONS).json()["data"][0]["id"]
    assert other.delete(f"{SESSIONS}/{own}").status_code == 404
    assert other.get(SESSIONS, params={"after": own}).status_code == 422
    for wrong in ("x", "ses_%00", "ses_0", "tok_0"):
        assert other.delete(f"{SESSIONS}/{wrong}").status_code == 404


def test_viewers_end_their_own_sessions(anonymous: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        session.get_one(User, user.id).role = Role.VIEWER
        user.role = Role.VIEWER
    first, second = (browse_as(anonymous, sessions, user) for _ in range(2))
    theirs = next(each["id"] for each in second.get(SESSIONS).json()["data"] if each["is_current"])
    assert first.delete(f"{SESSIONS}/{theirs}").status_code == 204
    assert second.get("/api/v1/me").status_code == 401


def test_tokens_that_are_no_sessions_have_none(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        text = make_token(session, user)
    answer = anonymous.get(SESSIONS, headers={"Authorization": f"Bearer {text}"}).json()
    assert answer == {"data": [], "has_more": False, "next": None}
