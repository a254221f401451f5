"""Health and counts."""

from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.cache import Feed
from server.main import create_app
from tests.conftest import speak_for
from tests.factories import NOON, Clock, make_job
from tests.replica import Replica
from tuning.clusters.models import ClusterRow
from tuning.db.engine import open_sessions, transaction
from tuning.people.models import User
from tuning.settings import Settings


def test_a_server_on_a_migrated_database_is_ready(anonymous: TestClient) -> None:
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    assert anonymous.get("/readyz").json() == {"status": "ok"}


def test_a_database_of_another_version_is_not_ready(anonymous: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "packtrain migrate" in answer.json()["hint"]
    assert anonymous.get("/healthz").status_code == 200


def test_a_database_that_cannot_be_opened_is_not_ready(tmp_path: Path) -> None:
    app: FastAPI = create_app(Settings(database_url=f"sqlite:///{tmp_path}/no/such/folder.db"), {})
    client = TestClient(app, raise_server_exceptions=False)  # not entered: its feed would ask the database too
    assert client.get("/readyz").json()["detail"] == "the database does not answer"


def test_a_database_that_cannot_be_opened_is_told_and_when_to_ask_again(tmp_path: Path) -> None:
    app: FastAPI = create_app(Settings(database_url=f"sqlite:///{tmp_path}/no/such/folder.db"), {})
    client = TestClient(app, raise_server_exceptions=False, headers={"Authorization": "Bearer pt_some"})
    for answer in (
        client.get("/api/v1/jobs"),
        client.post("/api/v1/jobs", json={"config": {}}),
        client.get("/metrics"),
    ):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.json()["detail"] == "the database does not answer"


def test_a_database_that_takes_no_writes_is_not_ready(app: FastAPI, engine: Engine, user: User) -> None:
    with TestClient(app, raise_server_exceptions=False) as client:
        Replica(app.state.sessions.kw["bind"], is_one=True)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["detail"]) == (503, "the database takes no writes")
        speaker = speak_for(client, open_sessions(engine), user)
        assert speaker.get("/api/v1/me").status_code == 200
        refused = speaker.put("/api/v1/secrets/A_KEY", json={"value": "x"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")


def test_a_server_whose_feed_hears_nothing_is_not_ready(anonymous: TestClient, app: FastAPI, clock: Clock) -> None:
    app.state.feed = Feed(app.state.sessions, interval_seconds=3600, now=clock)  # it never ran
    answer = anonymous.get("/readyz")
    assert (answer.status_code, "feed" in answer.json()["detail"]) == (503, True)


def test_counts_are_told_without_a_token_and_without_names(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        make_job(session, user, name="secret plan")
        make_job(session, user)
        session.add(ClusterRow(name="lab", lease_token=1, reached_at=NOON, commands={"commands": 12}))
    text_of_metrics = anonymous.get("/metrics").text
    assert 'packtrain_jobs{cluster="lab",status="queued"} 2.0' in text_of_metrics
    assert 'packtrain_cluster_reachable{cluster="lab"} 1.0' in text_of_metrics
    assert 'packtrain_remote_total{cluster="lab",what="commands"} 12.0' in text_of_metrics
    assert "secret" not in text_of_metrics
