"""Scavengers save and wait again when an urgent job lacks GPUs, and no more of them than it needs."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_attempt, make_job, make_user
from tests.worker.conftest import World
from tests.worker.watched_run import Run
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job, JobEvent
from tuning.jobs.status import JobStatus
from worker.submit.cluster_cache import KnownCluster
from worker.upkeep.cancel import Canceller
from worker.upkeep.preemption import FOR_URGENT, FOR_WAITING, make_room

OURS: dict[str, Any] = {"gpus": 4, "limit_seconds": 36000, "partition": "gpu"}


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    """A scavenger that runs on four of eight GPUs."""
    run = Run(world, sessions)
    node = {"name": "n1", "partitions": ["gpu"], "gpus": 8, "gpus_in_use": 8}
    with transaction(sessions) as session:
        session.execute(update(Job).values(job_class="scavenger", **OURS))
        session.execute(update(ClusterRow).values(snapshot={"nodes": [node]}, snapshot_at=world.clock()))
    run.slurm_says("RUNNING")
    run.look()
    return run


def add_job(run: Run, job_class: str, status: JobStatus, **columns: Any) -> str:
    with transaction(run.sessions) as session:
        user = make_user(session, name=f"{job_class} {status}")
        now = run.world.clock()
        job = make_job(
            session, user, job_class=job_class, status=status, attempt=1, slurm_job_id=7, queued_at=now,
            **{**OURS, "slurm_reason": "Resources", **columns},
        )  # fmt: skip
        began = now - timedelta(hours=1) if status is JobStatus.RUNNING else None
        make_attempt(session, job, slurm_job_id=7, submitted_at=now - timedelta(hours=1), started_at=began)
        return job.id


def asked(run: Run) -> list[str]:
    make_room(run.driver, KnownCluster(run.driver.settings))
    with run.sessions() as session:
        return list(session.scalars(select(Attempt.job_id).where(Attempt.ended_by == "yielded")))


def test_the_youngest_scavenger_saves_and_is_queued_again(run: Run) -> None:
    add_job(run, "scavenger", JobStatus.RUNNING)
    add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == [run.job_id]
    assert run.world.job(run.job_id).status_reason == FOR_URGENT
    Canceller(run.driver).cancel_wanted()
    assert (run.cluster.stopped, run.cluster.cancelled) == ([100], [])
    run.write(
        "1/exit", b"slurm_job_id=100\nrestart=0\nnode=n1\nepoch=%d\nexit_code=0\nstopped=1\n" % run.cluster.clock_epoch
    )
    run.slurm_says("CANCELLED")
    for _ in range(4):
        run.look()
        run.world.clock.advance(16)
    job = run.world.job(run.job_id)
    assert job.status is JobStatus.QUEUED
    assert "gave its GPUs to an urgent job" in (job.status_reason or "")


def test_no_scavenger_yields_to_a_job_that_asks_for_another_type(run: Run) -> None:
    node = {"partitions": ["gpu"], "gpus": 4, "gpus_in_use": 4}
    nodes = [{**node, "name": name, "gpu_types": {gpu_type: 4}} for name, gpu_type in (("n1", "v100"), ("n2", "a100"))]
    with transaction(run.sessions) as session:
        session.execute(update(ClusterRow).values(snapshot={"nodes": nodes}))
        session.execute(update(Attempt).values(nodes="n1"))
    add_job(run, "urgent", JobStatus.PENDING, resources={"gpu_type": "a100"})
    assert asked(run) == []
    with transaction(run.sessions) as session:
        session.execute(update(Attempt).where(Attempt.job_id == run.job_id).values(nodes="n2"))
    assert asked(run) == [run.job_id]


def test_it_is_asked_once(run: Run) -> None:
    add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == asked(run) == [run.job_id]
    with run.sessions() as session:
        assert session.query(JobEvent).filter_by(job_id=run.job_id, type="warning").count() == 1


def test_those_who_see_the_run_are_not_told_the_urgent_job(run: Run) -> None:
    urgent = add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == [run.job_id]
    with run.sessions() as session:
        events = session.query(JobEvent).filter_by(job_id=run.job_id).all()
    assert not [event for event in events if urgent in f"{event.message} {event.data}"]


def test_nobody_yields_where_gpus_come_free_anyway(run: Run) -> None:
    add_job(run, "normal", JobStatus.RUNNING, expected_end_at=run.world.clock())
    add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == []


@pytest.mark.parametrize(
    "columns", [{"slurm_reason": "Dependency"}, {"gpus": 64}, {"partition": "other"}, {"job_class": "normal"}]
)
def test_nobody_yields_to_what_gpus_would_not_let_start(run: Run, columns: dict[str, object]) -> None:
    urgent = add_job(run, "urgent", JobStatus.PENDING)
    with transaction(run.sessions) as session:
        session.execute(update(Job).where(Job.id == urgent).values(**columns))
    assert asked(run) == []


def test_what_cannot_save_does_not_yield(run: Run) -> None:
    with transaction(run.sessions) as session:
        session.execute(update(Job).values(kind="predict"))
    add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == []


def served(run: Run, job_class: str = "scavenger") -> str:
    """A served model that runs, and the scavenger of the fixture has ended."""
    with transaction(run.sessions) as session:
        session.execute(update(Job).values(status=JobStatus.SUCCEEDED))
    return add_job(run, job_class, JobStatus.RUNNING, kind="serve")


def test_a_served_model_gives_its_gpus_to_any_training(run: Run) -> None:
    model = served(run)
    add_job(run, "normal", JobStatus.PENDING)
    assert asked(run) == [model]
    assert run.world.job(model).status_reason == FOR_WAITING


def test_a_served_model_is_ended_and_saves_nothing(run: Run) -> None:
    model = served(run)
    add_job(run, "normal", JobStatus.PENDING)
    assert asked(run) == [model]
    Canceller(run.driver).cancel_wanted()
    assert (run.cluster.stopped, run.cluster.cancelled) == ([], [7])


def test_a_served_model_of_another_class_keeps_its_gpus(run: Run) -> None:
    served(run, "normal")
    add_job(run, "urgent", JobStatus.PENDING)
    assert asked(run) == []


def test_a_training_that_scavenges_yields_to_urgent_jobs_alone(run: Run) -> None:
    add_job(run, "normal", JobStatus.PENDING)
    assert asked(run) == []
    model = add_job(run, "scavenger", JobStatus.RUNNING, kind="serve")
    assert asked(run) == [model]
