"""Jobs that Slurm has forgotten live while they write, and are submitted again where they never began."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World, submit
from tests.worker.watched_run import Run, forgotten, owned_by
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import ABANDONED, AccountedJob, QueuedJob


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_a_forgotten_run_that_is_silent_for_too_long_is_given_up(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says(None)
    owned_by(run, 100)
    for _ in range(120):
        assert run.look() is JobStatus.RUNNING
        run.world.clock.advance(30)
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert failure["code"] == "lost"


def test_a_run_that_slurm_forgot_lives_while_its_files_grow(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says(None)
    owned_by(run, 100)
    for size in range(1, 200):
        run.write("1/stdout.log", b"x" * size)
        run.look()
        run.world.clock.advance(100)
        assert run.look() is JobStatus.RUNNING
    run.end(0)
    run.look()
    assert run.look() is JobStatus.SUCCEEDED, "nobody knows it any more: its own record tells"


@pytest.mark.parametrize("accounted", [None, "PENDING", "RUNNING", "CANCELLED", "NODE_FAIL"])
def test_what_slurm_forgot_before_it_began_is_submitted_again(run: Run, accounted: str | None) -> None:
    run.slurm_says("PENDING")
    run.look()
    if accounted:
        name = run.cluster.submitted[0].job_name
        run.cluster.accounted = {(100, name): AccountedJob(100, accounted, None, None, None, None)}
    assert forgotten(run, 110) is JobStatus.PENDING
    assert run.cluster.owners == {}, "its claim is left alone until then"
    assert forgotten(run) is JobStatus.QUEUED
    assert run.cluster.owners == {f"{run.folder}/1": ABANDONED}
    assert run.world.attempts(run.job_id) == []
    submit(run.driver)
    assert run.world.attempts(run.job_id) == [(2, 100)]


@pytest.mark.parametrize(("action", "status"), [("cancel", JobStatus.CANCELLED), ("hold", JobStatus.HELD)])
def test_what_slurm_forgot_is_not_submitted_again_where_nobody_wants_it(
    run: Run, sessions: sessionmaker[Session], action: str, status: JobStatus
) -> None:
    with transaction(sessions) as session:
        setattr(session.get_one(Job, run.job_id), f"{action}_requested_at", run.world.clock())
    assert forgotten(run) is status


def test_what_slurm_forgot_after_it_began_is_not_submitted_again(run: Run) -> None:
    owned_by(run, 100)
    assert forgotten(run) is JobStatus.RUNNING
    assert run.world.attempts(run.job_id) == [(1, 100)]


def test_a_forgotten_job_is_left_alone_while_its_owner_is_unknown(run: Run) -> None:
    run.cluster.closed.add(f"{run.folder}/1")
    assert forgotten(run, 3600) is JobStatus.PENDING
    run.cluster.closed.clear()
    assert forgotten(run, 10) is JobStatus.QUEUED


def test_the_slurm_job_that_owns_the_attempt_counts_and_not_its_double(run: Run) -> None:
    owned_by(run, 88)
    run.slurm_says("FAILED")
    run.look()
    run.world.clock.advance(16)
    run.look()
    job = run.world.job(run.job_id)
    assert (job.status, job.slurm_job_id, run.world.attempts(run.job_id)) == (JobStatus.PENDING, 88, [(1, 88)])
    earlier = QueuedJob(88, "RUNNING", None, run.cluster.clock_epoch, "n1", f"{run.job_id}-1-earlier8", "")
    run.cluster.queue = {88: earlier}
    assert run.look() is JobStatus.RUNNING


def test_a_job_of_another_name_with_its_number_is_not_taken_for_it(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.cluster.queue = {100: QueuedJob(100, "CANCELLED", None, None, "n1", "mine", "packtrain:job_b:1:token")}
    run.cluster.accounted = {(100, "mine"): AccountedJob(100, "CANCELLED by 7", 0, 1.0, 2.0, "n1")}
    run.look()
    run.world.clock.advance(61)
    assert run.look() is JobStatus.RUNNING
    own = run.cluster.submitted[0].job_name
    run.cluster.accounted[100, own] = AccountedJob(100, "NODE_FAIL", 0, 1.0, 2.0, "n1")
    owned_by(run, 100)
    assert run.look() is JobStatus.QUEUED, "its own line in accounting counts"


def test_a_job_that_was_renamed_is_known_by_its_comment(run: Run) -> None:
    comment = run.cluster.submitted[0].comment
    run.cluster.queue = {100: QueuedJob(100, "RUNNING", None, run.cluster.clock_epoch, "n1", "renamed", comment)}
    assert run.look() is JobStatus.RUNNING


def test_a_job_that_comes_back_is_forgiven_its_absence(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says(None)
    run.look()
    run.world.clock.advance(100)
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says(None)
    run.world.clock.advance(100)
    assert run.look() is JobStatus.RUNNING
