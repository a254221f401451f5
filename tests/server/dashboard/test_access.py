"""Readers of pages, and the way of all others to the sign-in."""

import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from server.dashboard.access import PageReader, local_path
from server.dashboard.routes import PageRoute
from server.http.access.session_cookie import csrf_of
from server.http.bounds.admission import Admission
from tests.factories import Clock


@pytest.fixture
def app_with_page(app: FastAPI) -> FastAPI:
    """The server with a page of the tests' own."""

    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/page/{name}")
    async def page(request: Request, reader: PageReader) -> dict[str, str]:
        return {"name": reader.name, "csrf": request.state.csrf_token}

    app.router.routes[:0] = router.routes  # before the route of missing pages
    return app


@pytest.mark.usefixtures("app_with_page")
def test_a_page_knows_its_reader_and_their_csrf_value(signed_in: TestClient) -> None:
    answer = signed_in.get("/page/x").json()
    assert answer == {"name": "ada", "csrf": csrf_of(signed_in.cookies["packtrain_session"])}


@pytest.mark.usefixtures("app_with_page")
def test_whoever_has_no_session_is_sent_to_sign_in_and_back(anonymous: TestClient, signed_in: TestClient) -> None:
    html = {"Accept": "text/html"}
    answer = anonymous.get("/page/日?status=running&q=a%26b", headers=html, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?next=%2Fpage%2F%25E6%2597%25A5%3Fstatus%3Drunning%26q%3Da%2526b",
    )
    form = anonymous.get(answer.headers["location"], headers=html).text
    assert 'value="/page/%E6%97%A5?status=running&amp;q=a%26b"' in form


@pytest.mark.usefixtures("app_with_page")
def test_whose_session_ended_is_sent_to_sign_in(signed_in: TestClient, clock: Clock) -> None:
    clock.advance(3601)
    assert signed_in.get("/page/x", follow_redirects=False).headers["location"] == "/sign-in?next=%2Fpage%2Fx"


@pytest.mark.usefixtures("app_with_page")
def test_pages_count_as_requests_of_their_reader(signed_in: TestClient, app: FastAPI) -> None:
    app.state.admission = Admission(1, 2, lambda: 0.0)
    assert [signed_in.get("/page/x").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "jobs",
        "/\t/evil.example", "/\n/evil", "/a\\b", "/é", "/" + "x" * 3000, "/sign-in", "/sign-in?next=/", "\\\\evil",
    ],
)  # fmt: skip
def test_what_is_no_path_of_this_server_leads_to_the_queue(text: str) -> None:
    assert local_path(text) == "/"


@pytest.mark.parametrize("text", ["/", "/jobs/job_1?tab=logs", "/?status=running&q=a%20b", "/data//x"])
def test_a_path_of_this_server_is_kept(text: str) -> None:
    assert local_path(text) == text


@given(st.text() | st.text(alphabet="/\\.:@\t\nab?", max_size=20))
def test_no_text_leads_elsewhere(text: str) -> None:
    path = local_path(text)
    assert path.startswith("/")
    assert path[1:2] not in ("/", "\\")
    assert path.isprintable()
