"""No route lets a token do more than its scopes say."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.dependencies import API, current_user
from server.scopes import needed_scope
from tests.factories import make_token, make_user
from tuning.db.engine import transaction
from tuning.people.models import User
from tuning.people.scopes import Scope

Send = Callable[..., Any]
FOR_ADMINISTRATORS = (
    "POST /api/v1/users",
    "DELETE /api/v1/users/{name}",
    "POST /api/v1/teams",
    "PATCH /api/v1/teams/{name}",
    "GET /api/v1/audit",
)
ENDS_A_SESSION = ("DELETE", "/api/v1/sessions/{session_id}")
"""One's own, which viewers do too."""
DELETES_A_TEAM = "DELETE /api/v1/teams/{name}"


def operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """All that wants a token: method, path, what the document says."""
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            if path.startswith(API):
                yield method.upper(), path, operation


@pytest.fixture
def send(anonymous: TestClient, sessions: sessionmaker[Session], user: User) -> Send:
    """Send a request with a token of this scope, of an ordinary user or an administrator."""
    with transaction(sessions) as session:
        root = make_user(session, name="root", is_administrator=True)
        texts = {
            **{(scope, False): make_token(session, user, scope=scope) for scope in Scope},
            **{(scope, True): make_token(session, root, scope=scope) for scope in Scope},
        }

    def send(scope: Scope, method: str, path: str, *, administrator: bool = False, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {texts[scope, administrator]}", **more.pop("headers", {})}
        return anonymous.request(method, path, headers=headers, **more)

    return send


def test_every_route_but_those_that_only_look_wants_more_than_read(
    send: Send, app: FastAPI, anonymous: TestClient
) -> None:
    assert anonymous.portal is not None
    anonymous.portal.call(app.state.feed.end_waits)  # or the stream of all events would have no end
    walked = list(operations(app))
    assert {method for method, _, _ in walked} == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    for method, path, operation in walked:
        url = path.replace("{job_id}", "job_00000000000000000000")
        answer = send(Scope.READ, method, url, headers={"Idempotency-Key": "k"})
        looks = method in {"GET", "HEAD"} and path != "/api/v1/audit"
        looks = looks or (method, path) == ENDS_A_SESSION
        assert (answer.status_code == 403) == (not looks), (method, path, answer.text)
        operation_path = f"{method} {path}"
        is_for_administrators = operation_path.startswith(FOR_ADMINISTRATORS) or operation_path == DELETES_A_TEAM
        writes = "admin" if is_for_administrators else "submit"
        assert operation["security"] == [{"HTTPBearer": ["read" if looks else writes]}], (method, path)
        assert "403" in operation["responses"], (method, path)


def test_a_token_that_may_not_is_told_what_it_lacks(send: Send) -> None:
    answer = send(Scope.READ, "POST", "/api/v1/jobs", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["detail"] == "this needs a token with the scope submit, and yours has read"
    assert "scope submit" in answer.json()["hint"]


def test_what_is_refused_for_its_scope_leaves_no_trace(send: Send, client: TestClient) -> None:
    assert send(Scope.READ, "POST", "/api/v1/datasets", files={"file": ("a.json", b"[]")}).status_code == 403
    assert send(Scope.READ, "POST", "/api/v1/tokens", json={"name": "x"}).status_code == 403
    assert client.get("/api/v1/datasets").json()["data"] == []


def test_administrators_routes_want_an_administrators_scope(send: Send, app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/quotas", lambda: {}, methods=["GET"])
    app.include_router(router, prefix=API, dependencies=[Depends(current_user)])
    for administrator in (False, True):
        statuses = [send(scope, "GET", "/api/v1/quotas", administrator=administrator).status_code for scope in Scope]
        assert statuses == [403, 403, 200 if administrator else 403]


@pytest.mark.parametrize("path", ["/quotas", "/quotas/mt", "/audit", "/audit/1"])
def test_nothing_there_is_open_to_others(path: str) -> None:
    assert {needed_scope(method, path) for method in ("GET", "HEAD", "POST", "DELETE")} == {Scope.ADMIN}
    assert needed_scope("GET", "/auditandmore") is Scope.READ


@pytest.mark.parametrize("path", ["/users", "/users/ada", "/teams", "/teams/mt"])
def test_all_look_at_people_and_administrators_change_them(path: str) -> None:
    assert {needed_scope(method, path) for method in ("GET", "HEAD")} == {Scope.READ}
    assert {needed_scope(method, path) for method in ("POST", "PUT", "DELETE")} == {Scope.ADMIN}


def test_users_change_themselves_and_leads_their_members() -> None:
    assert needed_scope("PATCH", "/users/ada") is Scope.SUBMIT
    assert needed_scope("PATCH", "/teams/mt") is Scope.ADMIN
    assert {needed_scope(method, "/teams/mt/members/ada") for method in ("PUT", "DELETE")} == {Scope.SUBMIT}


def test_results_are_changed_by_their_owners() -> None:
    assert {needed_scope(method, "/models/aliases") for method in ("PUT", "DELETE")} == {Scope.SUBMIT}
    assert needed_scope("DELETE", "/models/ft:a/b:mt:x:1") is Scope.SUBMIT
    assert needed_scope("GET", "/models/aliases") is Scope.READ


def test_an_administrator_without_the_scope_is_an_ordinary_user(send: Send, client: TestClient) -> None:
    job = client.post("/api/v1/jobs", json={"config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}})
    assert job.status_code == 201, job.text
    hold = f"/api/v1/jobs/{job.json()['id']}/hold"
    assert send(Scope.SUBMIT, "POST", hold, administrator=True).status_code == 403
    assert send(Scope.ADMIN, "POST", hold, administrator=True).status_code == 200
    assert send(Scope.SUBMIT, "GET", "/api/v1/me", administrator=True).json()["is_administrator"] is False
    theirs = send(Scope.SUBMIT, "GET", "/api/v1/tokens", administrator=True).json()["data"]
    assert {token["user"] for token in theirs} == {"root"}
    refused = send(Scope.SUBMIT, "POST", "/api/v1/tokens", administrator=True, json={"name": "x", "user": "bob"})
    assert refused.status_code == 403


def test_progress_may_be_polled_with_every_scope(send: Send, client: TestClient) -> None:
    job = client.post("/api/v1/jobs", json={"config": {"model_name_or_path": "tiny-qwen2", "dataset": "identity"}})
    path = f"/api/v1/jobs/{job.json()['id']}/progress"
    for scope in Scope:
        assert [send(scope, "GET", path).status_code for _ in range(2)] == [200, 200]
