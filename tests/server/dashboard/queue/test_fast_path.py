"""Renewals of the queue page that are answered before the app is asked."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from server.dashboard.queue.fast_path import RenewedQueue
from server.http.bounds.admission import Admission

LOOK: Mapping[str, str] = MappingProxyType({"Accept": "text/html", "X-Fragment": "main"})


@pytest.fixture
def content(signed_in: TestClient) -> str:
    """The content as the ordinary way made it, which is kept now."""
    return signed_in.get("/", headers=dict(LOOK)).raise_for_status().text


@pytest.fixture
def short(app: FastAPI, signed_in: TestClient) -> TestClient:
    """A browser on the short way alone: what it passes on is answered with 418."""
    beyond = PlainTextResponse("passed on", 418)
    return TestClient(RenewedQueue(beyond, state=app.state), cookies=dict(signed_in.cookies), headers=dict(LOOK))


def test_a_plain_look_goes_the_short_way(short: TestClient, content: str) -> None:
    answer = short.get("/")
    assert (answer.status_code, answer.text) == (200, content)
    assert short.get("/", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("path", ["/?person=ada", "/queue", "/jobs/job_x"])
def test_other_pages_go_on(short: TestClient, path: str) -> None:
    assert short.get(path).status_code == 418


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Fragment": "all"},
        {"Accept": "application/json"},
        {"Accept-Language": "ja"},
        {"Cache-Control": "no-cache"},
        {"Authorization": "Bearer pt_any"},
        {"Cookie": "packtrain_session=ps_wrong"},
        {"Cookie": ""},
    ],
)
def test_everything_else_goes_on(short: TestClient, headers: dict[str, str]) -> None:
    if "Cookie" in headers:
        short.cookies.clear()
    assert short.get("/", headers=headers).status_code == 418


@pytest.mark.usefixtures("content")
def test_after_an_event_the_content_is_made_anew(short: TestClient, app: FastAPI) -> None:
    app.state.feed.events.pass_over(app.state.feed.events.newest + 1)
    assert short.get("/").status_code == 418


@pytest.mark.usefixtures("content")
def test_whoever_looks_too_often_goes_on_to_be_told_so(short: TestClient, app: FastAPI) -> None:
    app.state.admission = Admission(1, 2, lambda: 0.0)
    assert [short.get("/").status_code for _ in range(3)] == [200, 200, 418]


@pytest.mark.usefixtures("content")
def test_behind_a_proxy_that_names_people_it_goes_on(short: TestClient, app: FastAPI) -> None:
    app.state.settings = app.state.settings.model_copy(update={"proxy_user_header": "X-User"})
    assert short.get("/").status_code == 418
