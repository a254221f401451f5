"""Jobs that Slurm gave a node and ended before they began are submitted again, and it is no attempt of theirs."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World, submit
from tests.worker.watched_run import Run, events, owned_by
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent, Trouble
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import ABANDONED, AccountedJob, QueuedJob
from worker.submit.launch_failures import MOST_LAUNCHES
from worker.upkeep.cancel import Canceller

HELD = "launch failed requeued held"


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def slurm_says(
    run: Run, state: str, by: str | None = None, nodes: str | None = "n1", reason: str | None = None
) -> None:
    """Of the newest submission; and accounting's word where it is another one."""
    name = run.cluster.submitted[-1].job_name
    run.cluster.queue = {100: QueuedJob(100, state, reason, None, nodes, name, "(null)")}
    run.cluster.accounted = {(100, name): AccountedJob(100, by or state, 0, 1.0, 1.0, nodes)}


def after_grace(run: Run, seconds: float = 16) -> Job:
    """As Slurm's word stands for so long."""
    run.look()
    run.world.clock.advance(seconds)
    run.look()
    return run.world.job(run.job_id)


def troubles(run: Run) -> list[tuple[str, int]]:
    with run.sessions() as session:
        return [(row.step, row.failures) for row in session.scalars(select(Trouble))]


@pytest.mark.parametrize("was_seen_running", [False, True])
@pytest.mark.parametrize(
    ("state", "by"),
    [
        ("CANCELLED", "CANCELLED by 0"),
        ("CANCELLED", "CANCELLED"),
        ("FAILED", "FAILED"),
        ("LAUNCH_FAILED", "LAUNCH_FAILED"),
        ("NODE_FAIL", "NODE_FAIL"),
        ("TIMEOUT", "TIMEOUT"),
    ],
)
def test_a_launch_that_failed_is_told_and_tried_again(run: Run, state: str, by: str, was_seen_running: bool) -> None:
    if was_seen_running:  # its prolog was
        run.slurm_says("RUNNING")
        run.look()
    slurm_says(run, state, by)
    job = after_grace(run, 61)
    assert (job.status, job.started_at) == (JobStatus.QUEUED, None)
    assert job.status_reason
    assert "Slurm ended it on n1 before it began" in job.status_reason
    assert "sinfo -R" in job.status_reason
    assert run.world.attempts(run.job_id) == []
    assert run.cluster.owners == {f"{run.folder}/1": ABANDONED}, "it can never train"
    assert troubles(run) == [("launch", 1)]
    assert submit(run.driver) == 0, "not at once"
    run.world.clock.advance(15)
    assert submit(run.driver) == 1
    assert run.world.attempts(run.job_id) == [(2, 100)]


@pytest.mark.parametrize(("by", "nodes"), [("CANCELLED by 2000", "n1"), ("CANCELLED by 0", None)])
def test_what_somebody_cancelled_before_it_began_is_cancelled(run: Run, by: str, nodes: str | None) -> None:
    slurm_says(run, "CANCELLED", by, nodes)
    assert after_grace(run).status is JobStatus.CANCELLED
    assert troubles(run) == []


def test_a_run_that_has_the_claim_had_begun(run: Run) -> None:
    owned_by(run, 100)
    slurm_says(run, "CANCELLED", "CANCELLED by 0")
    after_grace(run)
    run.look()
    assert run.world.job(run.job_id).status is JobStatus.CANCELLED


@pytest.mark.parametrize("file", ["1/stdout.log", "1/stderr.log", "output/trainer_log.jsonl"])
def test_a_run_that_was_heard_had_begun_whatever_became_of_its_claim(run: Run, file: str) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.write(file, b'{"current_steps": 5, "total_steps": 9, "epoch": 0.5, "loss": 1.0, "elapsed_time": "0:01:00"}\n')
    run.look()
    slurm_says(run, "FAILED")
    assert after_grace(run, 61).status is JobStatus.FAILED
    assert run.cluster.owners == {}


@pytest.mark.parametrize(("action", "status"), [("cancel", JobStatus.CANCELLED), ("hold", JobStatus.HELD)])
def test_a_launch_that_failed_is_not_tried_again_where_nobody_wants_it(
    run: Run, sessions: sessionmaker[Session], action: str, status: JobStatus
) -> None:
    with transaction(sessions) as session:
        setattr(session.get_one(Job, run.job_id), f"{action}_requested_at", run.world.clock())
    slurm_says(run, "CANCELLED", "CANCELLED by 0")
    assert after_grace(run).status is status
    assert troubles(run) == []


def test_a_claim_that_cannot_be_taken_is_waited_for(run: Run) -> None:
    """The folders may be read only for a while."""
    run.cluster.owners[f"{run.folder}/1"] = ""
    slurm_says(run, "CANCELLED", "CANCELLED by 0")
    assert after_grace(run).status is JobStatus.PENDING
    run.cluster.owners.clear()
    run.look()
    assert run.world.job(run.job_id).status is JobStatus.QUEUED


def fail_launches(run: Run, count: int) -> None:
    for number in range(count):
        slurm_says(run, "CANCELLED", "CANCELLED by 0", nodes=f"n{number}")
        after_grace(run)
        run.world.clock.advance(timedelta(minutes=11).total_seconds())
        submit(run.driver)


def test_launches_that_go_on_failing_end_the_job_with_the_node_named(run: Run) -> None:
    fail_launches(run, MOST_LAUNCHES)
    job = run.world.job(run.job_id)
    assert job.status is JobStatus.FAILED
    assert job.failure
    assert job.failure["code"] == "launch_failed"
    assert f"{MOST_LAUNCHES} times in a row" in job.failure["message"]
    assert f"on n{MOST_LAUNCHES - 1}" in job.failure["message"]
    assert "sinfo -R" in (job.failure["hint"] or "")
    assert run.world.attempts(run.job_id) == [(MOST_LAUNCHES, 100)]


def test_launches_are_counted_anew_once_it_has_trained(run: Run) -> None:
    fail_launches(run, 2)
    assert troubles(run) == [("launch", 2)]
    slurm_says(run, "RUNNING")
    run.look()
    assert troubles(run) == [("launch", 2)], "its prolog may be what runs"
    run.write("output/trainer_log.jsonl", b'{"current_steps": 1, "total_steps": 9}\n')
    run.look()
    assert troubles(run) == []


def test_what_slurm_holds_after_its_launch_is_taken_back_and_tried_again(run: Run) -> None:
    slurm_says(run, "PENDING", nodes=None, reason=HELD)
    run.look()
    run.look()
    Canceller(run.driver).cancel_wanted()
    assert run.cluster.cancelled == [100]
    assert events(run).count("warning") == 1
    slurm_says(run, "CANCELLED", "CANCELLED by 2000", nodes=None)
    job = after_grace(run)
    assert job.status is JobStatus.QUEUED
    assert troubles(run) == [("launch", 1)]


def test_what_slurm_holds_after_it_had_begun_goes_on_as_a_further_attempt(run: Run) -> None:
    owned_by(run, 100)
    slurm_says(run, "PENDING", nodes=None, reason=HELD)
    run.look()
    slurm_says(run, "CANCELLED", "CANCELLED by 2000", nodes=None)
    after_grace(run)
    run.look()
    assert run.world.job(run.job_id).status is JobStatus.QUEUED
    assert run.world.attempts(run.job_id) == [(1, 100)], "it counts"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("JobHeldAdmin", "ask them"),
        ("job requeued in held state", "ask them"),
        ("JobHeldUser", "scontrol release"),
        ("BeginTime", "after a pause"),
    ],
)
def test_why_a_job_does_not_start_by_itself_is_told_and_what_to_do(run: Run, reason: str, words: str) -> None:
    slurm_says(run, "PENDING", nodes=None, reason=reason)
    run.look()
    job = run.world.job(run.job_id)
    assert reason in (job.status_reason or "")
    assert words in (job.status_reason or "")
    slurm_says(run, "PENDING", nodes=None, reason="Resources")
    run.look()
    assert run.world.job(run.job_id).status_reason == "Slurm job 100"
    assert run.cluster.cancelled == []


def test_the_operator_and_the_owner_see_each_failed_launch(run: Run) -> None:
    fail_launches(run, 2)
    with run.sessions() as session:
        told = session.scalars(select(JobEvent.message).where(JobEvent.job_id == run.job_id)).all()
    assert [node for node in ("n0", "n1") if any(f"on {node} before it began" in line for line in told)] == ["n0", "n1"]
