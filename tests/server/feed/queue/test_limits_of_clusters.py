"""Forecasts of two clusters that share limits: each counts the other's jobs, those that run and those that wait."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from server.feed.queue.board import QueueBoard
from tests.factories import NOON, Clock, Seconds, make_attempt, make_job, make_limit, make_user
from tests.server.conftest import Database
from tuning.clusters.models import ClusterRow
from tuning.jobs.models import Job
from tuning.jobs.queries.use.limits import clusters_that_share, load_limits
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User
from tuning.queue.limits.limit import LimitedJob, LimitKind, Place
from tuning.queue.waiting_job import Person, WaitingJob

HOUR = 3600


@pytest.fixture
def board(clock: Clock, seconds: Seconds) -> QueueBoard:
    return QueueBoard(clock, seconds)


@pytest.fixture
def ada(session: Session) -> User:
    """Of a lab with two clusters of 16 free GPUs each."""
    for name in ("lab", "far"):
        node = {"name": "n1", "partitions": ["gpu"], "gpus": 16, "gpus_in_use": 0}
        snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": [node]}
        session.add(ClusterRow(name=name, snapshot=snapshot, snapshot_at=NOON - timedelta(hours=2)))
    return make_user(session)


def waits(session: Session, owner: User, cluster: str = "lab", *, minutes_ago: int = 0, **columns: Any) -> Job:
    since = NOON - timedelta(minutes=minutes_ago)
    values = {"gpus": 4, "limit_seconds": 10 * HOUR, "partition": "gpu", "created_at": since, **columns}
    return make_job(session, owner, cluster=cluster, **values)


def runs(session: Session, owner: User, cluster: str, ends_in_hours: float) -> Job:
    ends_at = NOON + timedelta(hours=ends_in_hours)
    job = waits(session, owner, cluster, status=JobStatus.RUNNING, attempt=1, expected_end_at=ends_at)
    make_attempt(session, job, started_at=NOON - timedelta(hours=1))
    return job


def start_of(board: QueueBoard, session: Session, job: Job) -> float | None:
    """Hours from now."""
    found = board.view(session, job.cluster).forecasts().get(job.id)
    return round((found.starts_at.expected - NOON.timestamp()) / HOUR, 2) if found is not None else None


def test_a_job_that_waits_on_the_other_cluster_has_its_turn_first(
    board: QueueBoard, session: Session, ada: User
) -> None:
    make_limit(session, LimitKind.GPUS, 4, user="ada")
    runs(session, ada, "far", 3)
    ours, theirs = waits(session, ada), waits(session, ada, "far", minutes_ago=9)
    assert start_of(board, session, theirs) == 3.0
    assert start_of(board, session, ours) == 8.1  # the usual part of its limit that a run takes is half


def test_a_job_that_the_other_clusters_slurm_has_ends_some_time(board: QueueBoard, session: Session, ada: User) -> None:
    make_limit(session, LimitKind.RUNNING_JOBS, 1, team="lab")
    waits(session, ada, "far", status=JobStatus.PENDING)
    assert start_of(board, session, waits(session, ada)) == 5.1


def test_a_job_that_might_come_waits_for_those_elsewhere(board: QueueBoard, session: Session, ada: User) -> None:
    make_limit(session, LimitKind.GPUS, 4, user="ada")
    waits(session, ada, "far", status=JobStatus.PENDING)
    job = WaitingJob("new", Person(LAB_TEAM_ID, ada.id), 4, 10.0 * HOUR, NOON.timestamp())
    limited = LimitedJob("new", Place("ada", "lab", "lab", "gpu", "normal"), 4, 10.0 * HOUR, queued_at=NOON)
    found = board.view(session, "lab").outlook_of_another(job, limited)
    assert found.forecast is not None
    assert round((found.forecast.starts_at.expected - NOON.timestamp()) / HOUR, 2) == 5.1


def test_only_clusters_where_jobs_wait_for_the_same_limits_are_looked_at(session: Session, ada: User) -> None:
    waits(session, ada)
    waits(session, ada, "far")
    waits(session, ada, "third", status=JobStatus.HELD)
    assert clusters_that_share(session, "lab", load_limits(session)) == []
    make_limit(session, LimitKind.GPUS, 4, user="ada", cluster="lab")
    make_limit(session, LimitKind.TIME_LIMIT, HOUR, user="ada")
    assert clusters_that_share(session, "lab", load_limits(session)) == []
    make_limit(session, LimitKind.GPUS, 9, user="ada")
    assert clusters_that_share(session, "lab", load_limits(session)) == ["far"]


def test_both_queues_are_looked_at_once_a_second(
    board: QueueBoard, session: Session, ada: User, seconds: Seconds, database: Database
) -> None:
    make_limit(session, LimitKind.GPUS, 4, user="ada")
    ours, theirs = waits(session, ada), waits(session, ada, "far", minutes_ago=9)
    assert start_of(board, session, ours) == 5.1
    asked = database.statements
    assert start_of(board, session, theirs) == 0.0
    assert start_of(board, session, ours) == 5.1
    assert database.statements == asked
    seconds.now += 1
    board.view(session, "lab")
    assert database.statements > asked
