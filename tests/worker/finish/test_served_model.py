"""How a served model ends: well where it had served its time, else so that the next request starts another."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.served_run import ServedRun
from tests.worker.watched_run import owned_by
from tuning.db.engine import transaction
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.attempt.continuation import YIELDED
from tuning.jobs.models import Attempt, Job, Removal
from tuning.jobs.serving.servers import ModelServer
from tuning.jobs.status import JobStatus

NEXT = "the next request starts it again"


@pytest.fixture
def served(world: World, sessions: sessionmaker[Session]) -> ServedRun:
    return ServedRun(world, sessions)


def ended(served: ServedRun, state: str, exit_code: int = 143) -> Job:
    """It ends so, by Slurm's word and its own record."""
    served.run.end(exit_code)
    served.run.slurm_says(state)
    for _ in range(3):
        served.run.look()
        served.run.world.clock.advance(16)
    return served.job()


def change(served: ServedRun, row: Any, **columns: Any) -> None:
    with transaction(served.sessions) as session:
        session.execute(update(row).where(row.job_id == served.job_id).values(**columns))


def test_one_that_nobody_used_has_succeeded(served: ServedRun) -> None:
    served.load()
    change(served, ModelServer, idle_at=served.run.world.clock())
    job = ended(served, "CANCELLED")
    assert (job.status, job.failure, job.result) == (JobStatus.SUCCEEDED, None, None)
    assert job.status_reason == f"nobody talked to it for 15 minutes; {NEXT}"


def test_the_end_of_its_life_is_no_failure(served: ServedRun) -> None:
    served.load()
    job = ended(served, "TIMEOUT")
    assert (job.status, job.status_reason) == (JobStatus.SUCCEEDED, f"its life was over; {NEXT}")


def test_a_life_that_was_too_short_to_load_it_is_one(served: ServedRun) -> None:
    served.run.slurm_says("RUNNING")
    served.run.look()
    job = ended(served, "TIMEOUT")
    assert job.status is JobStatus.FAILED
    assert (job.failure or {})["code"] == "timeout"


def test_who_ends_it_has_cancelled_it(served: ServedRun) -> None:
    served.load()
    with transaction(served.sessions) as session:
        cancel_job(session, served.job_id, "ada", served.run.world.clock())
    assert ended(served, "CANCELLED").status is JobStatus.CANCELLED


def test_what_gave_its_gpus_away_says_so_and_does_not_go_on(served: ServedRun) -> None:
    served.load()
    change(served, Attempt, ended_by=YIELDED)
    job = ended(served, "CANCELLED")
    failure = job.failure or {}
    assert (job.status, failure["code"], failure["retry"]) == (JobStatus.FAILED, "preempted", None)
    assert failure["hint"] == NEXT


@pytest.mark.parametrize("state", ["NODE_FAIL", "PREEMPTED", "FAILED"])
def test_its_death_is_a_failure_and_no_further_attempt(served: ServedRun, state: str) -> None:
    served.load()
    owned_by(served.run, 100)
    served.run.slurm_says(state)
    for _ in range(20):
        served.run.look()
        served.run.world.clock.advance(16)
    job = served.job()
    assert (job.status, job.attempt) == (JobStatus.FAILED, 1)
    assert (job.failure or {})["hint"].endswith(NEXT)


def test_a_template_that_is_missing_is_told_as_of_a_training(served: ServedRun) -> None:
    served.run.slurm_says("RUNNING")
    error = (
        b'Traceback (most recent call last):\n  File "x.py", line 1, in y\nValueError: Template nope does not exist.\n'
    )
    served.run.write("1/stderr.log", error)
    served.run.look()
    job = ended(served, "FAILED", 1)
    assert job.status is JobStatus.FAILED
    assert "emplate" in (job.failure or {})["message"]


def test_its_key_is_removed_from_the_cluster(served: ServedRun) -> None:
    served.load()
    ended(served, "TIMEOUT")
    with served.sessions() as session:
        assert [row.path for row in session.query(Removal).filter_by(job_id=served.job_id)] == ["1/secrets"]
