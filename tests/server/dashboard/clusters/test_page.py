"""The clusters page, as the server renders it."""

from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, Clock, make_attempt, make_job
from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import Fault, note_fault
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import Step, Subject, note_failure
from tuning.people.models import User

NODE = {"name": "gpu1", "partitions": ["gpu"], "state": "MIXED", "is_usable": True, "gpus": 8, "gpus_in_use": 6}
SNAPSHOT = {
    "nodes": [{**NODE, "gpu_types": {"a100": 8}}],
    "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 86_400, "state": "UP"}],
}
COMMANDS = {"commands": 1200, "commands_last_minute": 14, "connections_last_minute": 1, "cycle_seconds": 0.83}


def see(sessions: sessionmaker[Session], **columns: object) -> None:
    values = {"reached_at": NOON, "snapshot": SNAPSHOT, "snapshot_at": NOON, "commands": COMMANDS, **columns}
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1, lease_expires_at=NOON + timedelta(seconds=30), **values))


def test_a_cluster_that_nobody_has_reached_yet_says_so(signed_in: TestClient) -> None:
    html = signed_in.get("/clusters").text
    assert "no worker has reached it yet" in html
    assert "its GPUs are not known yet" in html


def test_nodes_window_and_budget_are_told(signed_in: TestClient, sessions: sessionmaker[Session], user: User) -> None:
    see(sessions)
    with transaction(sessions) as session:
        run = make_job(session, user, status=JobStatus.RUNNING, attempt=1, gpus=4, started_at=NOON)
        make_attempt(session, run, nodes="gpu1", started_at=NOON - timedelta(minutes=1))
        make_job(session, user, status=JobStatus.PENDING, attempt=1, partition="gpu")
        make_job(session, user, partition="gpu")
    html = signed_in.get("/clusters").text
    for words in ("2 of 8 free", "4 ours, 2 others', 2 free", "partly in use", "8 × a100", "14 of 240", "1 of 12"):
        assert words in html
    for words in ("at least 20 jobs of a partition", "it took 0.8 s", "1 wait inside Slurm", "1 wait here"):
        assert words in html


def test_a_cluster_that_does_not_answer_says_since_when_and_why(
    signed_in: TestClient, sessions: sessionmaker[Session]
) -> None:
    see(sessions, unreachable_since=NOON, unreachable_reason="no route to <b>host</b>", commands={"breaker_open": True})
    html = signed_in.get("/clusters").text
    assert "does not answer since" in html
    assert "no route to &lt;b&gt;host&lt;/b&gt;" in html
    assert "The login node is left alone" in html


def test_a_worker_that_is_dead_is_told(signed_in: TestClient, sessions: sessionmaker[Session], clock: Clock) -> None:
    see(sessions)
    assert "reached</span>" in signed_in.get("/clusters").text
    clock.advance(300)
    html = signed_in.get("/clusters").text
    assert "no worker drives it since" in html
    assert "no worker drives this cluster since" in html


def test_troubles_and_sick_nodes_are_told_without_the_errors_words(
    signed_in: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    see(sessions)
    with transaction(sessions) as session:
        job = make_job(session, user)
        note_failure(session, "lab", Step.SUBMIT, Subject.job(job.id), ValueError("of somebody's data"), NOON)
        for number in range(2):
            note_fault(session, "lab", Fault("gpu1", f"job_{number}", NOON, "ECC <error>"))
    html = signed_in.get("/clusters").text
    assert "ValueError" in html
    assert "of somebody" not in html
    assert f"/jobs/{job.id}" in html
    assert "ECC &lt;error&gt;" in html


def test_the_content_alone_is_shared_and_not_sent_twice(signed_in: TestClient, sessions: sessionmaker[Session]) -> None:
    see(sessions)
    first = signed_in.get("/clusters", headers={"X-Fragment": "main"})
    again = signed_in.get("/clusters", headers={"X-Fragment": "main", "If-None-Match": first.headers["etag"]})
    assert "<html" not in first.text
    assert again.status_code == 304


def test_without_a_session_it_leads_to_the_sign_in(anonymous: TestClient) -> None:
    answer = anonymous.get("/clusters", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fclusters")
