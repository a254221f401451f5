"""The queue page, as the server renders it."""

from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job, make_team, make_user
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def job(sessions: sessionmaker[Session], user: User, **columns: Any) -> Job:
    with transaction(sessions) as session:
        return make_job(session, user, **columns)


def test_a_program_is_told_where_things_are(anonymous: TestClient) -> None:
    answer = anonymous.get("/", headers={"Accept": "*/*"})
    assert answer.json()["links"]["docs"] == "/docs"


def test_an_empty_queue_says_so(signed_in: TestClient) -> None:
    html = signed_in.get("/").text
    assert "Nothing runs." in html
    assert "Nothing waits." in html
    assert "No job has ended yet." in html


def test_jobs_are_shown_in_the_part_of_their_status(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    job(sessions, user, name="it waits")
    job(sessions, user, name="it runs", status=JobStatus.RUNNING, attempt=1, percentage=41.7, started_at=NOON)
    job(sessions, user, name="it is held", status=JobStatus.HELD)
    job(sessions, user, name="it failed", status=JobStatus.FAILED, finished_at=NOON)
    html = signed_in.get("/").text
    places = [html.index(text) for text in ("it runs", "41 %", "it waits", "it is held", "it failed")]
    assert places == sorted(places)


def test_whoever_has_just_done_something_is_shown_nothing_kept(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    look = {"X-Fragment": "main"}
    assert "Nothing waits." in signed_in.get("/", headers=look).text
    job(sessions, user, name="it waits")
    assert "it waits" not in signed_in.get("/", headers=look).text
    assert "it waits" in signed_in.get("/", headers={**look, "Cache-Control": "no-cache"}).text


def test_names_are_text(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    job(sessions, user, name=HOSTILE, status=JobStatus.FAILED, failure={"code": "x", "message": HOSTILE, "hint": None})
    for path in ("/", "/?status=failed", f"/?q={HOSTILE}&person={HOSTILE}&team={HOSTILE}&cluster={HOSTILE}"):
        html = signed_in.get(path, headers={"Accept": "text/html"}).text
        assert "<script>alert" not in html
        assert "<img" not in html


def test_the_page_forbids_script_of_others(signed_in: TestClient) -> None:
    answer = signed_in.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize(
    "query", ["?q=other", "?person=bob", "?team=mt", "?status=failed", "?kind=export", "?cluster=no"]
)
def test_filters_leave_out_what_is_otherwise(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User, query: str
) -> None:
    job(sessions, user, name="wmt ja-en", status=JobStatus.RUNNING, started_at=NOON)
    with transaction(sessions) as session:
        make_team(session, "mt", make_user(session, name="bob"))
    assert "wmt ja-en" in signed_in.get("/").text
    assert "wmt ja-en" not in signed_in.get(f"/{query}").text


@pytest.mark.parametrize("query", ["?after=nonsense&status=failed", "?status=unknown", "?kind=unknown&utm=1", "?q=%00"])
def test_an_address_that_grew_old_is_no_error(signed_in: TestClient, query: str) -> None:
    assert signed_in.get(f"/{query}").status_code in (200, 422)


def test_the_script_gets_the_content_alone(signed_in: TestClient) -> None:
    answer = signed_in.get("/", headers={"X-Fragment": "main"})
    assert "<html" not in answer.text
    again = signed_in.get("/", headers={"X-Fragment": "main", "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_language_is_that_of_the_browser(signed_in: TestClient) -> None:
    assert '<html lang="ja">' in signed_in.get("/", headers={"Accept-Language": "ja"}).text


def test_without_a_session_one_is_sent_to_sign_in(anonymous: TestClient) -> None:
    answer = anonymous.get("/?status=failed", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2F%3Fstatus%3Dfailed")
