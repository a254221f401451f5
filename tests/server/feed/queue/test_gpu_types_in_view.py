"""GPUs of several types in a view of the queue: starts and words are those of the type that a job asks for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from server.feed.queue.readings import read_queue
from server.feed.queue.view import QueueView
from server.feed.queue.waits import Surroundings, Wait, WaitKind, wait_of
from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.clusters.models import ClusterRow
from tuning.jobs.models import Job
from tuning.jobs.queries.queue.standing import as_waiting_job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import LimitedJob, Place
from tuning.queue.order import Weights

HOUR = 3600
ROOT = Principal("user_root", "root", "tok_root", Scope.ADMIN)


@pytest.fixture
def ada(session: Session) -> User:
    """A cluster of four a100, all in use, and four v100, two of them in use."""
    shapes = (("a1", "a100", 4), ("v1", "v100", 2))
    nodes = [
        {"name": name, "partitions": ["gpu"], "gpus": 4, "gpus_in_use": in_use, "gpu_types": {gpu_type: 4}}
        for name, gpu_type, in_use in shapes
    ]
    session.add(ClusterRow(name="lab", snapshot={"nodes": nodes}, snapshot_at=NOON))
    session.flush()
    return make_user(session)


def add(session: Session, owner: User, gpu_type: str | None, **columns: Any) -> Job:
    values = {"partition": "gpu", "gpus": 1, "limit_seconds": 10 * HOUR, **columns}
    return make_job(session, owner, resources={"gpu_type": gpu_type}, **values)


def run(session: Session, owner: User, gpu_type: str | None, ends_in_hours: int, gpus: int, nodes: str) -> Job:
    ends_at = NOON + timedelta(hours=ends_in_hours)
    job = add(session, owner, gpu_type, gpus=gpus, status=JobStatus.RUNNING, attempt=1, expected_end_at=ends_at)
    make_attempt(session, job, started_at=NOON - timedelta(hours=1), nodes=nodes)
    return job


def look(session: Session) -> QueueView:
    return QueueView(read_queue(session, "lab", NOON), Weights())


def starts_in_hours(view: QueueView, job: Job) -> float:
    return round((view.forecasts()[job.id].starts_at.expected - NOON.timestamp()) / HOUR, 2)


def words(view: QueueView, job: Job) -> Wait:
    row = view.row(job.id)
    assert row is not None
    return wait_of(row, view, Surroundings(), ROOT)


def test_a_job_waits_for_runs_on_the_type_that_it_asks_for(session: Session, ada: User) -> None:
    run(session, ada, None, 1, 2, "v1")
    awaited = run(session, ada, None, 3, 4, "a1")
    job = add(session, ada, "a100", gpus=2)
    view = look(session)
    assert starts_in_hours(view, job) == 3.0
    found = words(view, job)
    assert (found.kind, found.words) == (WaitKind.GPUS, "it needs 2 GPUs: 0 of 4 of type a100 are free")
    assert [each.job_id for each in found.held_by] == [awaited.id]


def test_jobs_of_any_type_and_of_the_free_type_start_now(session: Session, ada: User) -> None:
    run(session, ada, "a100", 3, 4, "a1")
    add(session, ada, "a100", gpus=4)
    v100, other = add(session, ada, "v100"), add(session, ada, None)
    view = look(session)
    assert (starts_in_hours(view, v100), starts_in_hours(view, other)) == (0.0, 0.0)
    assert words(view, v100).words == "2 GPUs of 4 of type v100 are free: it is handed to Slurm next"
    assert words(view, other).words == "2 GPUs of 8 are free: it is handed to Slurm next"


def test_gpus_of_others_come_back_by_their_type(session: Session, ada: User) -> None:
    job, wide = add(session, ada, "a100", gpus=4), add(session, ada, "a100", gpus=5)
    view = look(session)
    assert starts_in_hours(view, job) > 4
    assert wide.id not in view.forecasts()
    assert words(view, wide).words == "it needs 5 GPUs: the nodes that it may use have 4 of type a100"


def test_a_job_that_might_come_has_the_start_of_its_type(session: Session, ada: User) -> None:
    run(session, ada, "a100", 3, 4, "a1")
    further = as_waiting_job(add(session, ada, "a100", status=JobStatus.CANCELLED, gpus=1))
    limited = LimitedJob(further.id, Place("ada", "lab", "lab", "gpu", "normal"), 1, 10 * HOUR, queued_at=NOON)
    found = look(session).outlook_of_another(further, limited)
    assert found.forecast is not None
    assert found.forecast.starts_at.expected == NOON.timestamp() + 3 * HOUR
