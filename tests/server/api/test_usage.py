"""GPU time of people, teams and clusters: what has ended by its days, and what runs up to now."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, Membership, Team, User
from tuning.settings import Settings
from tuning.usage.models import UsageDay

TODAY = NOON.date()


@pytest.fixture(autouse=True)
def used(sessions: sessionmaker[Session], user: User) -> None:
    """Runs of ada and bob that have ended, and one of ada's that runs since an hour."""
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        session.add(Team(id="team_mt", name="mt", created_at=NOON))
        session.flush()
        session.add(Membership(team_id="team_mt", user_id=bob.id, created_at=NOON))
        add(session, user, LAB_TEAM_ID, "lab", TODAY - timedelta(days=1), 7200.0, 2)
        add(session, user, LAB_TEAM_ID, "far", TODAY, 3600.0, 1)
        add(session, bob, "team_mt", "lab", TODAY, 18_000.0, 1)
        add(session, bob, "team_mt", "lab", TODAY - timedelta(days=40), 36_000.0, 1)
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=2, gpus=4)
        make_attempt(session, job, number=1, started_at=NOON - timedelta(days=3))
        make_attempt(session, job, number=2, started_at=NOON - timedelta(hours=1))


def add(session: Session, user: User, team_id: str, cluster: str, day: date, gpu_seconds: float, jobs: int) -> None:
    row = UsageDay(user_id=user.id, team_id=team_id, cluster=cluster, day=day, gpu_seconds=gpu_seconds, jobs=jobs)
    session.add(row)


def hours(client: TestClient, query: str = "") -> dict[str, tuple[float, int, int]]:
    answer = client.get(f"/api/v1/usage{query}")
    assert answer.status_code == 200, answer.text
    return {row["name"]: (row["gpu_hours"], row["jobs"], row["running_jobs"]) for row in answer.json()["data"]}


def test_the_last_thirty_days_by_user_are_the_default(client: TestClient) -> None:
    assert hours(client) == {"ada": (7.0, 3, 1), "bob": (5.0, 1, 0)}
    answer = client.get("/api/v1/usage").json()
    assert (answer["by"], answer["from"], answer["to"]) == ("user", str(TODAY - timedelta(days=29)), str(TODAY))
    assert answer["gpu_hours"] == 12.0


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("team", {"lab": (7.0, 3, 1), "mt": (5.0, 1, 0)}),
        ("cluster", {"lab": (11.0, 3, 1), "far": (1.0, 1, 0)}),
    ],
)
def test_use_is_grouped_by_team_and_cluster(client: TestClient, by: str, expected: dict[str, Any]) -> None:
    assert hours(client, f"?by={by}") == expected


def test_a_period_bounds_what_is_counted(client: TestClient) -> None:
    assert hours(client, f"?from={TODAY - timedelta(days=60)}")["bob"] == (15.0, 2, 0)
    yesterday = TODAY - timedelta(days=1)
    assert hours(client, f"?from={yesterday}&to={yesterday}") == {"ada": (2.0, 2, 0)}


def test_what_runs_since_before_the_period_counts_from_its_start(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.RUNNING, attempt=1, gpus=1, limit_seconds=10 * 86400)
        make_attempt(session, job, started_at=NOON - timedelta(days=9))
    assert hours(client, f"?from={TODAY}")["ada"] == (1.0 + 4.0 + 12.0, 1, 2)


@pytest.mark.parametrize(
    "query", ["?from=2026-11-20&to=2026-11-19", "?from=1980-01-01", "?by=moon", "?from=yesterday", "?to=1000-01-01"]
)
def test_a_period_that_cannot_be_meant_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/usage{query}").status_code == 422


def test_the_table_has_the_same_numbers(client: TestClient) -> None:
    answer = client.get("/api/v1/usage.csv?by=team")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == ("name,gpu_seconds,gpu_hours,jobs,running_jobs\nlab,25200.0,7.0,3,1\nmt,18000.0,5.0,1,0\n")


def test_users_whose_jobs_are_not_shown_are_left_out(
    app: FastAPI, client: TestClient, administrator: TestClient, settings: Settings
) -> None:
    app.state.settings = settings.model_copy(update={"visible_jobs": "own"})
    assert hours(client).keys() == {"ada"}
    assert hours(client, "?by=team").keys() == {"lab", "mt"}
    assert hours(administrator).keys() == {"ada", "bob"}


def test_rows_beyond_the_limit_are_told_of(client: TestClient) -> None:
    answer = client.get("/api/v1/usage?limit=1").json()
    assert ([row["name"] for row in answer["data"]], answer["has_more"]) == (["ada"], True)
