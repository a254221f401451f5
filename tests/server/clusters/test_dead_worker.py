"""A worker that is dead is told within three cycles, everywhere that people and their tools look."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, Clock, make_job
from tuning.clusters.lease import Lease, acquire, ensure_row, release, renew
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

Sessions = sessionmaker[Session]
LEASE_SECONDS = 30.0
SINCE = "2026-11-21T12:00:00Z"
WORDS = "since 2026-11-21 12:00:00 UTC"


@pytest.fixture
def lease(sessions: Sessions) -> Lease:
    """A worker's, which has just ended a cycle."""
    with transaction(sessions) as session:
        ensure_row(session, "lab")
        lease = acquire(session, "lab", "worker", NOON, LEASE_SECONDS)
        row = session.get(ClusterRow, "lab")
        assert row is not None
        row.reached_at, row.commands = NOON, {"cycle_seconds": 1.0}
    assert lease is not None
    return lease


@pytest.fixture
def jobs(sessions: Sessions, user: User, lease: Lease) -> dict[JobStatus, Job]:
    with transaction(sessions) as session:
        return {status: make_job(session, user, status=status, status_reason="as it was") for status in JobStatus}


@pytest.fixture
def tick(anonymous: TestClient, app: FastAPI) -> Callable[[], None]:
    """The server's feed looks at the database."""

    def tick() -> None:
        assert anonymous.portal is not None
        anonymous.portal.call(app.state.feed.tick)

    return tick


def test_the_cluster_says_since_when_nobody_drives_it(
    client: TestClient, lease: Lease, clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    clock.advance(30)
    cluster = client.get("/api/v1/clusters/lab").json()
    assert (cluster["reachable"], cluster["unattended_since"]) == (True, None)
    clock.advance(1)
    for cluster in (client.get("/api/v1/clusters/lab").json(), client.get("/api/v1/clusters").json()["data"][0]):
        assert (cluster["reachable"], cluster["unattended_since"], cluster["unreachable_since"]) == (
            False,
            SINCE,
            SINCE,
        )
        assert cluster["unreachable_reason"] == f"no worker drives this cluster {WORDS}"


def test_a_worker_that_renews_its_lease_is_there(
    client: TestClient, sessions: Sessions, lease: Lease, clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    clock.advance(31)
    with transaction(sessions) as session:
        renew(session, lease, clock(), LEASE_SECONDS)
    assert client.get("/api/v1/clusters/lab").json()["reachable"] is True


def test_a_worker_that_stopped_in_good_order_is_missed_too(
    client: TestClient, sessions: Sessions, lease: Lease, clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    with transaction(sessions) as session:
        release(session, lease)
    tick()
    clock.advance(31)
    assert client.get("/api/v1/clusters/lab").json()["reachable"] is False


def test_jobs_that_await_a_worker_say_that_there_is_none(
    client: TestClient, jobs: dict[JobStatus, Job], clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    clock.advance(31)
    awaiting = {JobStatus.QUEUED, JobStatus.SUBMITTING, JobStatus.PENDING, JobStatus.RUNNING}
    in_list = {row["id"]: row for row in client.get("/api/v1/jobs").json()["data"]}
    for status, job in jobs.items():
        alone = client.get(f"/api/v1/jobs/{job.id}").json()
        for shown in (alone, in_list[job.id]):
            said = f"no worker drives the cluster lab {WORDS}; before that: as it was"
            assert shown["status_reason"] == (said if status in awaiting else "as it was")
            assert shown["progress"]["unattended_since"] == (SINCE if status in awaiting else None)


def test_a_poll_from_memory_judges_the_worker_when_it_is_answered(
    client: TestClient, jobs: dict[JobStatus, Job], clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    path = f"/api/v1/jobs/{jobs[JobStatus.RUNNING].id}/progress"
    first = client.get(path)
    assert first.json()["unattended_since"] is None
    clock.advance(31)
    second = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.json()["unattended_since"]) == (200, SINCE)
    assert client.get(path, headers={"If-None-Match": second.headers["etag"]}).status_code == 304


def test_a_worker_that_comes_back_is_told_as_well(
    client: TestClient,
    sessions: Sessions,
    lease: Lease,
    jobs: dict[JobStatus, Job],
    clock: Clock,
    tick: Callable[[], None],
) -> None:
    tick()
    path = f"/api/v1/jobs/{jobs[JobStatus.RUNNING].id}/progress"
    clock.advance(31)
    assert client.get(path).json()["unattended_since"] == SINCE
    with transaction(sessions) as session:
        renew(session, lease, clock(), LEASE_SECONDS)
    tick()
    assert client.get(path).json()["unattended_since"] is None


def test_readiness_says_which_clusters_wait_for_a_worker(
    anonymous: TestClient, lease: Lease, clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    assert anonymous.get("/readyz").json() == {"status": "ok"}
    clock.advance(31)
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "degraded", "clusters": {"lab": f"no worker drives this cluster {WORDS}"}},
    )


def test_metrics_tell_the_age_of_the_last_cycle(
    anonymous: TestClient, lease: Lease, clock: Clock, tick: Callable[[], None]
) -> None:
    tick()
    clock.advance(31)
    text = anonymous.get("/metrics").text
    assert 'packtrain_cluster_reachable{cluster="lab"} 0.0' in text
    assert 'packtrain_worker_cycle_age_seconds{cluster="lab"} 31.0' in text


def test_a_server_that_starts_after_the_worker_died_knows_it(
    client: TestClient, sessions: Sessions, clock: Clock
) -> None:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=3, lease_owner="w", reached_at=NOON - timedelta(hours=1)))
    cluster = client.get("/api/v1/clusters/lab").json()
    assert (cluster["reachable"], cluster["unattended_since"]) == (False, "2026-11-21T11:00:00Z")
