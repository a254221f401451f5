"""Runs that are to end: told to Slurm, or asked to save first."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from worker.upkeep.cancel import Canceller


def live(world: World, sessions: sessionmaker[Session], status: JobStatus, kind: str = "train", **asked: Any) -> str:
    job_id = world.add(status)
    with transaction(sessions) as session:
        session.get_one(Attempt, (job_id, 1)).slurm_job_id = 7
        job = session.get_one(Job, job_id)
        job.kind = kind
        for name, value in asked.items():
            setattr(job, name, value)
    return job_id


def stop_sent(sessions: sessionmaker[Session], job_id: str) -> datetime | None:
    with sessions() as session:
        return session.get_one(Attempt, (job_id, 1)).stop_sent_at


@pytest.mark.parametrize("action", ["hold", "cancel"])
def test_a_running_training_is_asked_once_and_given_time(
    world: World, sessions: sessionmaker[Session], action: str
) -> None:
    asked: dict[str, Any] = {
        f"{action}_requested_at": world.clock(),
        "cancel_saves": action == "cancel" or None,
    }
    job_id = live(world, sessions, JobStatus.RUNNING, **asked)
    canceller = Canceller(world.driver)
    canceller.cancel_new()
    canceller.cancel_wanted()
    assert (world.cluster.stopped, world.cluster.cancelled) == ([7], [])
    assert stop_sent(sessions, job_id) == world.clock()
    world.clock.advance(world.driver.settings.save_patience_seconds)
    canceller.cancel_wanted()
    assert (world.cluster.stopped, world.cluster.cancelled) == ([7], [7])


@pytest.mark.parametrize(
    ("status", "kind"),
    [(JobStatus.PENDING, "train"), (JobStatus.RUNNING, "predict"), (JobStatus.RUNNING, "export")],
)
def test_what_has_nothing_to_save_is_ended_at_once(
    world: World, sessions: sessionmaker[Session], status: JobStatus, kind: str
) -> None:
    job_id = live(world, sessions, status, kind, hold_requested_at=world.clock())
    Canceller(world.driver).cancel_new()
    assert stop_sent(sessions, job_id) == world.clock(), "its end is then known to be for the hold"
    assert (world.cluster.stopped, world.cluster.cancelled) == ([], [7])


def test_a_plain_cancellation_waits_for_nothing(world: World, sessions: sessionmaker[Session]) -> None:
    live(world, sessions, JobStatus.RUNNING, cancel_requested_at=world.clock())
    canceller = Canceller(world.driver)
    canceller.cancel_new()
    canceller.cancel_new()
    assert (world.cluster.stopped, world.cluster.cancelled) == ([], [7])
    canceller.cancel_wanted()
    assert world.cluster.cancelled == [7, 7], "told again in each cycle until it has ended"


def test_a_cancellation_that_is_hurried_no_longer_waits(world: World, sessions: sessionmaker[Session]) -> None:
    job_id = live(world, sessions, JobStatus.RUNNING, cancel_requested_at=world.clock(), cancel_saves=True)
    canceller = Canceller(world.driver)
    canceller.cancel_new()
    with transaction(sessions) as session:
        session.get_one(Job, job_id).cancel_saves = None
    canceller.cancel_new()
    assert (world.cluster.stopped, world.cluster.cancelled) == ([7], [7])


def test_a_run_that_slurm_did_not_find_is_asked_again_in_the_next_cycle(
    world: World, sessions: sessionmaker[Session]
) -> None:
    job_id = live(world, sessions, JobStatus.RUNNING, hold_requested_at=world.clock())
    world.cluster.deaf.add(7)
    canceller = Canceller(world.driver)
    canceller.cancel_new()
    canceller.cancel_new()
    assert (world.cluster.stopped, stop_sent(sessions, job_id)) == ([7], None)
    world.cluster.deaf.clear()
    canceller.cancel_wanted()
    assert (world.cluster.stopped, stop_sent(sessions, job_id)) == ([7, 7], world.clock())


def test_nobody_else_is_touched(world: World, sessions: sessionmaker[Session]) -> None:
    live(world, sessions, JobStatus.RUNNING)
    Canceller(replace(world.driver)).cancel_wanted()
    assert (world.cluster.stopped, world.cluster.cancelled) == ([], [])
