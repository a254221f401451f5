"""The state that Slurm's word leaves on an ended job: the one that it ended by, or none; never one that it had."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_cluster_settings
from tests.worker.conftest import World
from tests.worker.watched_run import Run
from tuning.jobs.models import Attempt
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import AccountedJob
from tuning.slurm.states import MEANINGS, Phase, final_state


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def final(run: Run) -> tuple[str | None, str | None, datetime | None]:
    """The job's state, its attempt's, and the time of the next look."""
    with run.sessions() as session:
        attempt = session.get_one(Attempt, (run.job_id, 1))
        return run.world.job(run.job_id).slurm_state, attempt.slurm_state, attempt.recheck_at


def succeeded_unseen(run: Run) -> None:
    """Slurm let go of it between two looks, and accounting has not heard of it yet."""
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.slurm_says(None)
    run.look()
    assert run.look() is JobStatus.SUCCEEDED


def accounting_says(run: Run, state: str) -> None:
    name = run.cluster.submitted[0].job_name
    run.cluster.accounted = {(100, name): AccountedJob(100, state, 0, 100.0, 200.0, "n1")}


def test_a_success_does_not_run_for_ever(run: Run) -> None:
    succeeded_unseen(run)
    assert final(run)[:2] == (None, None)


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED by 1000"])
def test_the_word_that_comes_late_is_written_down_and_changes_no_end(run: Run, state: str) -> None:
    succeeded_unseen(run)
    version = run.world.job(run.job_id).version
    accounting_says(run, state)
    run.world.clock.advance(31)
    assert run.look() is JobStatus.SUCCEEDED
    assert final(run) == (state, state, None)
    assert run.world.job(run.job_id).version > version


def test_a_word_that_is_no_end_is_waited_for_and_believed_by_nobody(run: Run) -> None:
    succeeded_unseen(run)
    accounting_says(run, "RUNNING")
    run.world.clock.advance(31)
    assert run.look() is JobStatus.SUCCEEDED
    state, _, next_look = final(run)
    assert (state, next_look is not None) == (None, True)


def test_a_day_later_nobody_asks_any_more(run: Run) -> None:
    succeeded_unseen(run)
    run.world.clock.advance(timedelta(days=1, hours=1).total_seconds())
    run.look()
    assert final(run) == (None, None, None)


def test_a_job_that_slurm_is_about_to_let_go_of_is_not_completing_for_ever(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.slurm_says("COMPLETING")
    assert run.look() is JobStatus.SUCCEEDED
    assert final(run)[0] is None
    run.slurm_says("COMPLETED")
    run.world.clock.advance(31)
    run.look()
    assert final(run) == ("COMPLETED", "COMPLETED", None)


def test_a_site_without_accounting_is_not_asked(run: Run, world: World) -> None:
    assert make_cluster_settings(accounting=False).accounting is False
    object.__setattr__(run.driver, "settings", world.driver.settings.model_copy(update={"accounting": False}))
    succeeded_unseen(run)
    assert final(run) == (None, None, None)


def test_a_clock_of_the_cluster_that_is_behind_starts_nothing_before_it_was_submitted(run: Run) -> None:
    run.slurm_says("RUNNING")
    assert run.cluster.queue is not None
    early = run.cluster.queue[100]
    run.cluster.queue[100] = type(early)(
        100, "RUNNING", "None", (early.start_epoch or 0) - 0.4, "n1", early.name, early.comment
    )
    assert run.look() is JobStatus.RUNNING
    job = run.world.job(run.job_id)
    assert job.started_at is not None
    assert job.submitted_at is not None
    assert job.submitted_at <= job.started_at


@given(st.none() | st.sampled_from(sorted(MEANINGS)) | st.text(max_size=20))
def test_only_an_end_is_final(state: str | None) -> None:
    is_end = state in MEANINGS and MEANINGS[state].phase is Phase.ENDED
    assert final_state(state) in ((state,) if is_end else (None, state))
    if state in MEANINGS and not is_end:
        assert final_state(state) is None
