"""Runs that stand still are told, and ended where the operator wants it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_cluster_settings
from tests.worker.conftest import World
from tuning.db import transaction
from tuning.jobs.models import Attempt, Job, JobEvent
from tuning.jobs.status import JobStatus
from worker.stall import tell_stalled


@pytest.fixture
def quiet(world: World, sessions: sessionmaker[Session]) -> str:
    """A running job that has said nothing for too long."""
    job_id = world.add(JobStatus.RUNNING)
    with transaction(sessions) as session:
        job, attempt = session.get_one(Job, job_id), session.get_one(Attempt, (job_id, 1))
        job.slurm_state, job.progress_at, job.current_steps = "RUNNING", world.clock() - timedelta(hours=1), 40
        attempt.slurm_job_id, attempt.quiet_until = 7, world.clock() - timedelta(seconds=1)
    return job_id


def events(sessions: sessionmaker[Session]) -> list[JobEvent]:
    with sessions() as session:
        return list(session.scalars(select(JobEvent).where(JobEvent.type == "job.stalled")))


def test_it_is_told_once_with_what_its_node_says(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    version = world.job(quiet).version
    tell_stalled(world.drive)
    tell_stalled(world.drive)
    job = world.job(quiet)
    assert job.stalled_since == world.clock() - timedelta(hours=1)
    assert job.version == version + 1
    assert [event.data for event in events(sessions)] == [{"step": 40, "node": "load 0.0"}]
    assert (world.cluster.inspected, world.cluster.cancelled) == ([7], [])


def test_it_is_ended_where_the_operator_wants_that(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    tell_stalled(replace(world.drive, settings=make_cluster_settings(end_stalled=True)))
    assert world.cluster.cancelled == [7]
    with sessions() as session:
        assert session.get_one(Attempt, (quiet, 1)).ended_by == "stalled"


@pytest.mark.parametrize("state", ["SUSPENDED", "COMPLETING", None])
def test_what_slurm_does_not_run_is_left_alone(
    world: World, sessions: sessionmaker[Session], quiet: str, state: str | None
) -> None:
    with transaction(sessions) as session:
        session.get_one(Job, quiet).slurm_state = state
    tell_stalled(world.drive)
    assert (world.cluster.inspected, events(sessions)) == ([], [])


def test_nothing_is_asked_before_its_time(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    with transaction(sessions) as session:
        session.get_one(Attempt, (quiet, 1)).quiet_until = world.clock()
    tell_stalled(world.drive)
    assert world.cluster.inspected == []
