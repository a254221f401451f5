"""`GET /queue` and `GET /jobs/{id}/queue`: entries, pages, and what has no entry."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_attempt, make_job
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.people.models import User

Sessions = sessionmaker[Session]
HOUR = 3600


@pytest.fixture
def cluster(sessions: Sessions) -> None:
    """The cluster `lab` has told of four GPUs."""
    snapshot = {
        "partitions": [{"name": "gpu", "is_default": True}],
        "nodes": [{"name": "n1", "partitions": ["gpu"], "gpus": 4, "gpus_in_use": 4}],
    }
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))


def running(sessions: Sessions, user: User) -> str:
    with transaction(sessions) as session:
        end = NOON + timedelta(hours=2)
        its = {"gpus": 4, "limit_seconds": 4 * HOUR, "started_at": NOON, "attempt": 1}
        job = make_job(session, user, status=JobStatus.RUNNING, expected_end_at=end, tags=None, **its)
        make_attempt(session, job, started_at=NOON)
        return job.id


def queued(sessions: Sessions, user: User, seconds: int = 0, status: JobStatus = JobStatus.QUEUED) -> str:
    with transaction(sessions) as session:
        created_at = NOON + timedelta(seconds=seconds)
        its = {"gpus": 4, "limit_seconds": HOUR, "created_at": created_at}
        return make_job(session, user, status=status, tags=None, **its).id


@pytest.mark.usefixtures("cluster")
def test_an_entry_says_place_reasons_and_expected_times(client: TestClient, sessions: Sessions, user: User) -> None:
    first, job_id = running(sessions, user), queued(sessions, user)
    (entry,) = client.get("/api/v1/queue").json()["data"]
    times = {name: entry.pop(name) for name in list(entry) if name.startswith("expected_")}
    rank, waits_for = entry.pop("rank"), entry.pop("waits_for")
    assert entry == {
        "position": 1,
        "job_id": job_id,
        "name": "wmt ja-en",
        "owner": user.name,
        "team": "lab",
        "class": "normal",
        "cluster": "lab",
        "status": "queued",
    }
    assert (rank["class"], rank["fair_place"], rank["fair_places"], rank["gpus"]) == ("normal", 1, 1, 4)
    assert waits_for == {
        "kind": "gpus",
        "words": "it needs 4 GPUs: 0 of 4 are free",
        "limit": None,
        "in_use": None,
        "held_by": [{"job_id": first, "expected_end_at": "2026-11-21T14:00:00Z"}],
    }
    assert times["expected_start_at"] == "2026-11-21T14:00:00Z"
    assert times["expected_start_low_at"] <= times["expected_start_at"] <= times["expected_start_high_at"]
    assert times["expected_end_low_at"] <= times["expected_end_at"] <= times["expected_end_high_at"]


def test_a_page_leads_to_the_next(client: TestClient, sessions: Sessions, user: User) -> None:
    ids = [queued(sessions, user, number) for number in range(3)]
    first = client.get("/api/v1/queue", params={"limit": 2, "cluster": "lab"}).json()
    assert (first["has_more"], first["next"]) == (True, "2")
    rest = client.get("/api/v1/queue", params={"limit": 2, "after": first["next"]}).json()
    assert [entry["job_id"] for entry in first["data"] + rest["data"]] == ids
    assert (rest["has_more"], rest["next"]) == (False, None)


@pytest.mark.parametrize(
    ("query", "word"), [({"after": "x"}, "unknown cursor"), ({"cluster": "nowhere"}, "no cluster nowhere")]
)
def test_a_wrong_question_is_told(client: TestClient, query: dict[str, str], word: str) -> None:
    answer = client.get("/api/v1/queue", params=query)
    assert answer.status_code == 422
    assert word in answer.json()["errors"][0]["message"]


def test_a_held_job_has_an_entry_of_its_own_alone(client: TestClient, sessions: Sessions, user: User) -> None:
    job_id = queued(sessions, user, status=JobStatus.HELD)
    assert client.get("/api/v1/queue").json()["data"] == []
    entry = client.get(f"/api/v1/jobs/{job_id}/queue").json()
    assert (entry["position"], entry["waits_for"]["kind"]) == (1, "hold")


@pytest.mark.usefixtures("cluster")
def test_a_running_job_waits_for_nothing(client: TestClient, sessions: Sessions, user: User) -> None:
    entry = client.get(f"/api/v1/jobs/{running(sessions, user)}/queue").json()
    assert (entry["position"], entry["waits_for"]["kind"]) == (None, "nothing")
    assert entry["expected_start_at"] == "2026-11-21T12:00:00Z"
    assert entry["expected_end_at"] == "2026-11-21T14:00:00Z"


def test_an_ended_job_is_in_no_queue(client: TestClient, sessions: Sessions, user: User) -> None:
    job_id = queued(sessions, user, status=JobStatus.SUCCEEDED)
    answer = client.get(f"/api/v1/jobs/{job_id}/queue")
    assert (answer.status_code, answer.json()["detail"]) == (409, f"job {job_id} has succeeded: it is in no queue")


@pytest.mark.usefixtures("cluster")
def test_progress_of_a_waiting_job_counts_to_its_end(client: TestClient, sessions: Sessions, user: User) -> None:
    running(sessions, user)
    job_id = queued(sessions, user)
    progress = client.get(f"/api/v1/jobs/{job_id}/progress").json()
    entry = client.get(f"/api/v1/jobs/{job_id}/queue").json()
    assert progress["expected_start_at"] == entry["expected_start_at"] == "2026-11-21T14:00:00Z"
    assert progress["expected_end_at"] == entry["expected_end_at"]
    assert progress["eta_low_seconds"] <= progress["eta_seconds"] <= progress["eta_high_seconds"]
    assert progress["eta_seconds"] > 2 * HOUR
    assert client.get(f"/api/v1/jobs/{job_id}").json()["progress"] == progress
