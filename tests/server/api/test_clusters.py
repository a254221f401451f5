"""The clusters over HTTP."""

from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from tests.factories import NOON, make_job
from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import Fault, note_fault
from tuning.db.engine import transaction
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import THE_WHOLE, Step, Subject, note_failure
from tuning.people.models import User
from tuning.slurm.inventory import Inventory, Node, Partition

INVENTORY = Inventory(
    slurm_version="24.11.5",
    partitions=(Partition("long", False, "UP", None), Partition("gpu", True, "UP", 86_400)),
    nodes=(
        Node("n1", ("gpu", "long"), "MIXED", True, 8, 1000, 4, 1, {"1g.10gb": 1, "a100": 3}),
        Node("n2", ("gpu",), "DOWN*", False, 8, 1000, 4, 0, {}),
    ),
    image_size_bytes=1,
    image_modified_epoch=1.0,
    image_digest="head-sha256:ab",
    free_bytes=1,
    is_writable=True,
    datasets={"identity": {"file_name": "identity.json"}},
    model_configs={},
    model_stamps={},
)


def test_a_cluster_that_nobody_has_reached_yet_is_only_named(client: TestClient) -> None:
    page = client.get("/api/v1/clusters").json()
    cluster = page["data"][0]
    assert (cluster["name"], cluster["reachable"], cluster["partitions"], cluster["datasets"]) == (
        "lab",
        None,
        [],
        None,
    )
    assert (cluster["models"], page["has_more"]) == (["tiny-qwen2"], False)


def test_a_cluster_is_shown_as_its_driver_last_saw_it(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        row = ClusterRow(name="lab", lease_token=1, reached_at=NOON, snapshot=INVENTORY.to_json(), snapshot_at=NOON)
        row.commands = {"commands": 12, "connections": 1}
        session.add(row)
        for status in (JobStatus.QUEUED, JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED):
            make_job(session, user, status=status)
    cluster = client.get("/api/v1/clusters/lab").json()
    assert (cluster["reachable"], cluster["slurm_version"], cluster["gpus"]) == (
        True,
        "24.11.5",
        {"free": 3, "total": 4},
    )
    assert [(node["gpu_type"], node["gpu_types"]) for node in cluster["nodes"]] == [
        ("a100", {"1g.10gb": 1, "a100": 3}),
        (None, {}),
    ]
    partitions = [(one["name"], one["nodes"], one["max_time_seconds"]) for one in cluster["partitions"]]
    assert partitions == [("gpu", 2, 86_400), ("long", 1, None)]
    assert [(node["name"], node["gpus"]["total"]) for node in cluster["nodes"]] == [("n1", 4), ("n2", 0)]
    assert (cluster["jobs"], cluster["pending"]) == ({"queued": 1, "pending": 1, "running": 1}, 2)
    assert (cluster["commands"], cluster["datasets"]) == ({"commands": 12, "connections": 1}, ["identity"])


def test_a_cluster_that_does_not_answer_says_since_when_and_why(
    client: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        row = ClusterRow(name="lab", lease_token=1, unreachable_since=NOON, unreachable_reason="no route to host")
        session.add(row)
    cluster = client.get("/api/v1/clusters/lab").json()
    assert (cluster["reachable"], cluster["unreachable_reason"]) == (False, "no route to host")
    assert cluster["unreachable_since"] == "2026-11-21T12:00:00Z"


def test_a_cluster_that_is_not_there(client: TestClient) -> None:
    for name in ("moon", "%00", "lab%0A"):
        assert client.get(f"/api/v1/clusters/{name}").status_code == 404


def test_troubles_are_shown_bounded_and_without_their_words(
    client: TestClient, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1))
        jobs = [make_job(session, user) for _ in range(30)]
        for job in jobs:
            note_failure(session, "lab", Step.SUBMIT, Subject.job(job.id), ValueError("somebody's row"), NOON)
        note_failure(session, "lab", Step.SNAPSHOT, THE_WHOLE, KeyError("x"), NOON + timedelta(minutes=1))
    for answer in (client.get("/api/v1/clusters").json()["data"][0], client.get("/api/v1/clusters/lab").json()):
        assert (answer["trouble_count"], len(answer["troubles"])) == (31, 20)
        whole, first = answer["troubles"][:2]
        assert (whole["step"], whole["job_id"], whole["subject"], whole["error"]) == ("facts", None, None, "KeyError")
        assert first["job_id"] in {job.id for job in jobs}
        assert (first["step"], first["error"], first["failures"]) == ("submit", "ValueError", 1)
        assert (first["since"], first["next_try_at"]) == ("2026-11-21T12:00:00Z", "2026-11-21T12:00:15Z")
        assert "somebody" not in str(answer)
    counted = client.get("/metrics").text
    assert 'packtrain_poison_jobs{cluster="lab",step="submit"} 30.0' in counted
    assert not any(job.id in counted for job in jobs)


def test_sick_nodes_are_shown_with_what_made_them_so(client: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.add(ClusterRow(name="lab", lease_token=1))
        for number in (1, 2):
            note_fault(session, "lab", Fault("n1", f"job_{number}", NOON, "a GPU of the node does not work"))
        note_fault(session, "lab", Fault("n2", "job_1", NOON, "once is no illness"))
    (sick,) = client.get("/api/v1/clusters/lab").json()["sick_nodes"]
    assert sick == {
        "node": "n1",
        "faults": 2,
        "since": "2026-11-21T12:00:00Z",
        "excluded_until": "2026-11-21T13:00:00Z",
        "message": "a GPU of the node does not work",
        "job_ids": ["job_2", "job_1"],
    }
    assert 'packtrain_sick_nodes{cluster="lab"} 1.0' in client.get("/metrics").text
