"""Numbers of the service for Prometheus."""

from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.http.latency import RequestSeconds
from tests.factories import NOON, Seconds, make_job
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User


def numbers(client: TestClient) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in lines}


def test_how_long_jobs_wait_and_of_what_they_fail(
    anonymous: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        make_job(session, user, created_at=NOON - timedelta(hours=2))
        failure = {"code": "node_fail", "message": "m"}
        make_job(session, user, status=JobStatus.FAILED, finished_at=NOON, failure=failure)
    found = numbers(anonymous)
    assert found['packtrain_queue_age_seconds{cluster="lab"}'] == 7200
    assert found['packtrain_failures_last_day{cluster="lab",code="node_fail"}'] == 1


def test_room_on_the_disks(
    anonymous: TestClient, app: FastAPI, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1, reached_at=NOON, snapshot={"free_bytes": 5000}))
    app.state.settings = app.state.settings.model_copy(update={"data_dir": tmp_path / "not/there/yet"})
    found = numbers(anonymous)
    assert found['packtrain_cluster_root_free_bytes{cluster="lab"}'] == 5000
    assert 0 < found['packtrain_store_bytes{what="free"}'] <= found['packtrain_store_bytes{what="size"}']


def test_how_long_answers_take_by_operation_and_status(
    client: TestClient, app: FastAPI, running_job: Job, anonymous: TestClient
) -> None:
    seconds = Seconds()
    app.state.request_seconds = RequestSeconds(seconds)
    progress = f"/api/v1/jobs/{running_job.id}/progress"
    for url in ("/api/v1/me", f"/api/v1/jobs/{running_job.id}", progress, progress, f"{progress}?wait=0.1", "/nothing"):
        client.get(url)
    anonymous.get("/api/v1/me", headers={"Authorization": "Bearer pt_wrong"})
    found = numbers(anonymous)
    told = {name.partition("{")[2]: number for name, number in found.items() if "request_seconds_count" in name}
    assert told == {
        'operation="show_me",status="2xx"}': 1,
        'operation="show_job",status="2xx"}': 1,
        'operation="show_progress",status="2xx"}': 2,
        'operation="other",status="4xx"}': 2,
    }
    assert found['packtrain_request_seconds_bucket{le="0.005",operation="show_job",status="2xx"}'] == 1
