"""Ends that little evidence told of are looked at again, and set right by what comes late."""

from collections.abc import Iterable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, events, owned_by
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.slurm.cluster import (
    Observation,
)
from worker.observe.watch import watch


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_a_success_in_a_closed_folder_is_waited_for_and_corrected(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    files, run.cluster.files = run.cluster.files, {}
    run.cluster.closed.add(f"{run.folder}/1")
    run.slurm_says("COMPLETED")
    for _ in range(15):
        assert run.look() is JobStatus.RUNNING
        run.world.clock.advance(60)
    assert run.look() is JobStatus.FAILED
    run.cluster.files = files
    run.cluster.closed.clear()
    run.world.clock.advance(31)
    assert run.look() is JobStatus.SUCCEEDED


def fail_without_a_record(run: Run, state: str | None) -> None:
    run.slurm_says("RUNNING")
    run.look()
    owned_by(run, 100)
    run.slurm_says(state)
    for _ in range(20):
        run.look()
        run.world.clock.advance(300)
    job = run.world.job(run.job_id)
    assert job.status is JobStatus.FAILED
    assert job.finished_at


def test_a_record_that_turns_up_corrects_a_failure(run: Run) -> None:
    fail_without_a_record(run, "FAILED")
    run.end(0)
    run.world.clock.advance(1000)
    run.look()
    job = run.world.job(run.job_id)
    assert (job.status, job.failure) == (JobStatus.SUCCEEDED, None)
    assert job.result
    assert events(run)[-2:] == ["job.corrected", "job.succeeded"]


def test_the_reason_of_a_failure_that_is_known_late_is_told(run: Run) -> None:
    fail_without_a_record(run, None)
    run.write("1/stderr.log", b"Traceback (most recent call last):\n  File x\nValueError: Undefined dataset foo\n")
    run.end(1)
    run.slurm_says("FAILED")
    run.world.clock.advance(1000)
    run.look()
    run.world.clock.advance(10_000)
    run.look()
    job = run.world.job(run.job_id)
    assert job.status is JobStatus.FAILED
    assert (job.failure or {})["code"] == "dataset"
    assert events(run)[-1] == "job.corrected"


@pytest.mark.parametrize("witness", ["slurm", "growth"])
def test_a_run_that_was_given_up_and_lives_is_running_again(run: Run, witness: str) -> None:
    fail_without_a_record(run, None)
    run.world.clock.advance(1000)
    if witness == "slurm":
        run.slurm_says("RUNNING")
    else:
        run.write("1/stdout.log", b"step 7")
    assert run.look() is JobStatus.RUNNING
    job = run.world.job(run.job_id)
    assert (job.finished_at, job.failure, job.result) == (None, None, None)
    assert events(run)[-2:] == ["job.corrected", "job.running"]
    run.slurm_says("RUNNING")
    run.world.clock.advance(100_000)
    assert run.look() is JobStatus.RUNNING


def test_an_end_in_doubt_stands_after_a_day_and_costs_little_until_then(run: Run) -> None:
    fail_without_a_record(run, "FAILED")
    run.slurm_says(None)
    looks = 0
    for _ in range(3000):
        run.cluster.examined = []
        run.look()
        looks += bool(run.cluster.examined)
        run.world.clock.advance(30)
    assert 10 < looks < 50
    run.end(0)
    assert run.look() is JobStatus.FAILED


def test_a_failure_with_a_record_is_not_looked_at_again(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(1)
    run.slurm_says("FAILED")
    assert run.look() is JobStatus.FAILED
    run.world.clock.advance(1000)
    run.cluster.opened = ("nobody looked",)
    run.look()
    assert run.cluster.opened == ("nobody looked",)


def test_an_ended_job_that_was_deleted_meanwhile_is_no_fault(
    run: Run, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_without_a_record(run, None)
    run.world.clock.advance(1000)
    run.write("1/stdout.log", b"step 7")
    observe = run.cluster.observe

    def deleted_meanwhile(files: Iterable[str], opened: Iterable[str] = ()) -> Observation:
        with transaction(sessions) as session:
            session.delete(session.get_one(Job, run.job_id))
        return observe(files, opened)

    monkeypatch.setattr(run.cluster, "observe", deleted_meanwhile)
    watch(run.driver)
    with sessions() as session:
        assert session.get(Job, run.job_id) is None
