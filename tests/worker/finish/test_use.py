"""Use of runs: in the ledger once their attempts have ended, whatever becomes of the end."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, owned_by
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.usage.models import DecayedUse, UsageDay


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    """A run of four GPUs that began two minutes after it was queued."""
    run = Run(world, sessions)
    with transaction(sessions) as session:
        session.execute(update(Job).values(gpus=4, limit_seconds=3600))
    world.clock.advance(120)
    run.cluster.clock_epoch = world.clock().timestamp()
    run.slurm_says("RUNNING")
    run.look()
    return run


def used(run: Run) -> tuple[float, int]:
    """GPU seconds, and the number of attempts that ended."""
    with run.sessions() as session:
        rows = session.scalars(select(UsageDay)).all()
        decayed = sum(row.gpu_seconds for row in session.scalars(select(DecayedUse)))
        assert decayed == pytest.approx(sum(row.gpu_seconds for row in rows), rel=0.05)
        return sum(row.gpu_seconds for row in rows), sum(row.jobs for row in rows)


def slowdowns(run: Run) -> tuple[float, float]:
    with run.sessions() as session:
        row = session.scalars(select(DecayedUse)).one()
        return row.slowdowns, row.jobs


def succeed(run: Run) -> None:
    run.cluster.clock_epoch = run.world.clock().timestamp()
    run.end(0)
    run.slurm_says("COMPLETED")
    while run.look() is JobStatus.RUNNING:
        run.world.clock.advance(10)


def test_a_run_counts_when_it_has_ended(run: Run) -> None:
    run.world.clock.advance(60)
    run.look()
    assert used(run) == (0, 0)
    succeed(run)
    assert used(run) == (240, 1)
    assert slowdowns(run) == ((120 + 60) / 60, 1)


def test_an_end_counts_once_however_often_it_is_looked_at(run: Run) -> None:
    run.world.clock.advance(60)
    succeed(run)
    for _ in range(3):
        run.world.clock.advance(1000)
        run.look()
    assert (used(run), slowdowns(run)) == ((240, 1), (3, 1))


def test_an_end_that_is_taken_back_counts_by_its_later_end(run: Run) -> None:
    began = run.world.clock().timestamp()
    owned_by(run, 100)
    run.slurm_says(None)
    for _ in range(20):
        run.look()
        run.world.clock.advance(300)
    assert run.world.job(run.job_id).status is JobStatus.FAILED
    assert used(run)[1] == 1
    run.slurm_says("RUNNING")
    run.world.clock.advance(1000)
    assert run.look() is JobStatus.RUNNING
    assert (used(run), slowdowns(run)) == ((0, 0), (0, 0))
    succeed(run)
    assert used(run) == (4 * (run.world.clock().timestamp() - began), 1)
    assert slowdowns(run)[1] == 1


def test_a_run_that_slurm_puts_back_counts_for_what_it_had(run: Run) -> None:
    run.world.clock.advance(50)
    run.slurm_says("PENDING")
    assert run.look() is JobStatus.PENDING
    assert used(run) == (200, 1)
    run.world.clock.advance(500)
    run.cluster.clock_epoch = run.world.clock().timestamp()
    run.slurm_says("RUNNING")
    run.look()
    run.world.clock.advance(30)
    succeed(run)
    assert used(run) == (200 + 120, 2)


def test_a_job_without_gpus_uses_none(run: Run) -> None:
    with transaction(run.sessions) as session:
        session.execute(update(Job).values(gpus=0))
    run.world.clock.advance(60)
    succeed(run)
    assert used(run) == (0, 0)
