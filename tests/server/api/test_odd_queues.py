"""Odd input of the queue over the API: teams that are none, clocks that jump, half-lives of none, limits below use."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from server.feed.queue.board import QueueBoard
from tests.factories import NOON, Clock, make_attempt, make_job, make_limit, make_user
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, Membership, User
from tuning.queue.limits.limit import LimitKind
from tuning.queue.order import Weights
from tuning.usage.models import DecayedUse

Sessions = sessionmaker[Session]
CONFIG = {"model_name_or_path": "tiny-qwen2", "dataset": "identity", "template": "qwen"}
RESOURCES = {"gpus_per_node": 2, "time_limit": "02:00:00", "partition": "gpu"}
BODY = {"config": CONFIG, "resources": RESOURCES}
OURS: dict[str, Any] = {"gpus": 2, "limit_seconds": 7200, "partition": "gpu"}


@pytest.fixture
def cluster(sessions: Sessions) -> None:
    """The cluster `lab` has told of four GPUs."""
    node = {"name": "n1", "partitions": ["gpu"], "gpus": 4, "gpus_in_use": 0}
    snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": [node]}
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))


def queue(client: TestClient) -> Sequence[Any]:
    answer = client.get("/api/v1/queue")
    assert answer.status_code == 200, answer.text
    entries: Sequence[Any] = answer.json()["data"]
    return entries


def test_a_job_of_a_team_that_is_none_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={**BODY, "team": "none"})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["loc"]) == (422, ["body", "team"])
    assert error["message"] == "you are not in the team none"
    assert error["hint"]


def test_whoever_is_in_no_team_is_told_so_and_looks_on(client: TestClient, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        make_job(session, user, **OURS)
        make_limit(session, LimitKind.GPUS, 8, team="*")
        session.execute(delete(Membership).where(Membership.user_id == user.id))
    for path in ("/jobs", "/jobs/validate"):
        errors = client.post(f"/api/v1{path}", json=BODY).json()["errors"]
        assert "you are in no team" in [error["message"] for error in errors], path
    [entry] = queue(client)
    assert (entry["team"], entry["rank"]["fair_place"], entry["position"]) == ("lab", 1, 1)
    for path in ("/me", "/limits", "/usage", "/teams", f"/jobs/{entry['job_id']}"):
        assert client.get(f"/api/v1{path}").status_code == 200, path


@pytest.mark.usefixtures("cluster")
def test_a_limit_below_what_is_used_holds_until_enough_has_ended(
    client: TestClient, administrator: TestClient, sessions: Sessions, user: User
) -> None:
    with transaction(sessions) as session:
        for hours in (1, 3):
            end = NOON + timedelta(hours=hours)
            run = make_job(session, user, status=JobStatus.RUNNING, attempt=1, expected_end_at=end, **OURS)
            make_attempt(session, run, started_at=NOON)
        make_job(session, user, **OURS)
    limit = {"subject_kind": "user", "subject": user.name, "kind": "gpus", "amount": 2}
    assert administrator.put("/api/v1/limits", json=limit).json()["in_use"] == 4
    [entry] = queue(client)
    assert (entry["waits_for"]["limit"], entry["waits_for"]["in_use"]) == (2, 4)
    assert "4 in use by" in entry["waits_for"]["words"]
    assert entry["expected_start_at"] == "2026-11-21T15:00:00Z"


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_jumped_makes_no_absurd_place_or_start(
    client: TestClient, sessions: Sessions, user: User, jump: timedelta
) -> None:
    with transaction(sessions) as session:
        make_limit(session, LimitKind.GPUS, 2)
        run = make_job(session, user, status=JobStatus.RUNNING, attempt=1, **OURS)
        make_attempt(session, run, started_at=NOON + jump)
        make_job(session, user, created_at=NOON + jump, queued_at=NOON + jump, **OURS)
        past = {"gpu_seconds": 1e6, "slowdowns": 1e3, "jobs": 10.0}
        session.add(DecayedUse(user_id=user.id, team_id=LAB_TEAM_ID, cluster="lab", at=NOON + jump, **past))
    [entry] = queue(client)
    assert 0 <= entry["rank"]["age_seconds"] <= 400 * 86400
    assert entry["waits_for"]["kind"] == "limit"
    assert entry["expected_start_low_at"] >= "2026-11-21T12:00:00Z"
    assert entry["expected_start_low_at"] <= entry["expected_start_at"] <= entry["expected_start_high_at"]
    used = client.get("/api/v1/usage").json()["data"]
    assert all(0 <= each["gpu_hours"] <= 2 * 2 * (2 + 24) for each in used), "twice the time limit and a day at most"


@pytest.mark.usefixtures("cluster")
def test_a_half_life_of_none_counts_what_runs_alone(
    client: TestClient, app: FastAPI, sessions: Sessions, user: User, clock: Clock
) -> None:
    app.state.feed.queues = QueueBoard(clock, weights=Weights(half_life_seconds=0))
    with transaction(sessions) as session:
        bob = make_user(session, name="bob")
        past = {"at": NOON, "gpu_seconds": 1e9, "slowdowns": 1e3, "jobs": 10.0}
        session.add(DecayedUse(user_id=user.id, team_id=LAB_TEAM_ID, cluster="lab", **past))
        run = make_job(session, bob, status=JobStatus.RUNNING, attempt=1, **OURS)
        make_attempt(session, run, started_at=NOON - timedelta(hours=1))
        for owner in (bob, user):
            make_job(session, owner, **OURS)
    assert [entry["owner"] for entry in queue(client)] == [user.name, "bob"]
