"""Jobs that are taken back from Slurm wait here again, and none that has begun is ended."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, owned_by
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import ABANDONED, AccountedJob, QueuedJob
from worker.submit.taken_back import BACK_IN_QUEUE, take_back
from worker.upkeep.cancel import Canceller


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    """A pending job that is to be taken back."""
    run = Run(world, sessions)
    run.slurm_says("PENDING")
    run.look()
    take_back(run.driver, [run.job_id])
    return run


def slurm_has_cancelled(run: Run) -> None:
    name = run.cluster.submitted[-1].job_name
    run.cluster.queue = {100: QueuedJob(100, "CANCELLED", None, None, None, name, "(null)")}
    run.cluster.accounted = {(100, name): AccountedJob(100, "CANCELLED by 1000", 0, 1.0, 1.0, None)}


def after_grace(run: Run) -> Job:
    run.look()
    run.world.clock.advance(16)
    run.look()
    return run.world.job(run.job_id)


def test_slurm_is_told_to_end_it_only_while_it_waits(run: Run) -> None:
    Canceller(run.driver).cancel_wanted()
    assert (run.cluster.cancelled_waiting, run.cluster.cancelled) == ([100], [])


def test_it_waits_again_with_its_age_and_cannot_begin(run: Run) -> None:
    before = run.world.job(run.job_id)
    slurm_has_cancelled(run)
    job = after_grace(run)
    assert (job.status, job.status_reason, job.queued_at) == (JobStatus.QUEUED, BACK_IN_QUEUE, before.queued_at)
    assert run.world.attempts(run.job_id) == []
    assert run.cluster.owners == {f"{run.folder}/1": ABANDONED}


def test_what_has_begun_meanwhile_runs_on(run: Run) -> None:
    run.slurm_says("RUNNING")
    assert run.look() is JobStatus.RUNNING
    Canceller(run.driver).cancel_wanted()
    assert (run.cluster.cancelled_waiting, run.cluster.cancelled) == ([], [])
    with run.sessions() as session:
        attempt = session.get_one(Attempt, (run.job_id, 1))
        assert (attempt.ended_by, attempt.stop_sent_at) == (None, None)


def test_what_had_begun_when_it_was_ended_goes_on_in_a_next_attempt(run: Run) -> None:
    owned_by(run, 100)
    slurm_has_cancelled(run)
    after_grace(run)
    run.look()
    assert run.world.job(run.job_id).status is JobStatus.QUEUED
    assert run.world.attempts(run.job_id) == [(1, 100)]


def test_its_owners_wish_comes_first(run: Run) -> None:
    with transaction(run.sessions) as session:
        session.get_one(Job, run.job_id).cancel_requested_at = run.world.clock()
    Canceller(run.driver).cancel_wanted()
    assert (run.cluster.cancelled_waiting, run.cluster.cancelled) == ([], [100])
    slurm_has_cancelled(run)
    assert after_grace(run).status is JobStatus.CANCELLED
