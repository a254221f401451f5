"""Exit records that say otherwise than Slurm: a job that Slurm runs is running."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, events, forgotten
from tuning.errors import SlurmUnavailable
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import AccountedJob
from worker.observe.watch import watch


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_an_exit_record_does_not_end_what_slurm_runs_and_is_told_once(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    read = run.cluster.reads = []
    for _ in range(100):
        assert run.look() is JobStatus.RUNNING
        run.world.clock.advance(10)
    assert events(run).count("warning") == 1
    assert set(read) == {f"{run.folder}/1/exit"}, "of the rest nothing is read"
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED


def test_an_exit_record_ends_nothing_while_slurm_does_not_answer(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.cluster.queue = None
    for _ in range(5):
        with pytest.raises(SlurmUnavailable):
            watch(run.driver)
    assert run.world.job(run.job_id).status is JobStatus.RUNNING


def test_one_empty_answer_and_an_exit_record_end_nothing(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.slurm_says(None)
    assert run.look() is JobStatus.RUNNING
    run.slurm_says("RUNNING")
    assert run.look() is JobStatus.RUNNING


def test_an_exit_record_ends_nothing_that_accounting_says_to_run(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    name = run.cluster.submitted[0].job_name
    run.cluster.accounted = {(100, name): AccountedJob(100, "RUNNING", None, None, None, None)}
    assert forgotten(run, 60) is JobStatus.RUNNING
    assert forgotten(run) is JobStatus.SUCCEEDED, "not for ever: a controller that lost its state leaves that behind"
