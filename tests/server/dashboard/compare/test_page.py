"""The comparison page, as the server renders it."""

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import make_job
from tuning.db.engine import transaction
from tuning.people.models import User


def test_runs_are_shown_with_what_differs(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        first = make_job(session, user, name="<b>first</b>", config={"learning_rate": 1e-4, "stage": "sft"})
        second = make_job(session, user, name="second", config={"learning_rate": 5e-5, "stage": "sft"})
    html = signed_in.get(f"/compare?job={first.id}&job={second.id}").text
    assert "learning_rate" in html
    assert "<code>stage</code>" not in html
    assert "&lt;b&gt;first&lt;/b&gt;" in html
    assert "<b>first" not in html


def test_without_runs_some_are_offered(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        make_job(session, user, name="wmt ja-en")
    assert "wmt ja-en" in signed_in.get("/compare").text
    assert "No training is like this." in signed_in.get("/compare?q=other").text


def test_more_than_eight_are_refused_in_words(signed_in: TestClient) -> None:
    answer = signed_in.get("/compare?" + "&".join("job=job_1" for _ in range(9)))
    assert answer.status_code == 422
    assert "this address cannot be read" in answer.text


def test_a_run_that_may_not_be_seen_is_not_there(signed_in: TestClient) -> None:
    answer = signed_in.get("/compare?job=job_unknown")
    assert answer.status_code == 404
    assert "there is no job job_unknown" in answer.text
