"""The end of a run is judged by what it left, and written down with its cause."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run, owned_by
from tuning.clusters.models import ClusterRow
from tuning.db import transaction
from tuning.jobs.models import Artifact, Job, JobEvent
from tuning.jobs.removals import unwanted_paths
from tuning.jobs.status import JobStatus
from tuning.secrets.service import keep_secret
from tuning.slurm.answers import AccountedJob

SNAPSHOT = {
    "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 100_000}],
    "nodes": [{"name": "n1", "partitions": ["gpu"], "memory_mb": 256_000}],
}


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_of_a_success_only_so_many_checkpoints_stay_and_no_secret(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, run.job_id)
        job.keep_checkpoints, job.secrets = 1, ["A_KEY"]
    run.end(0)
    listing = "".join(
        f"9 {run.cluster.clock_epoch + 5} {name}\0"
        for name in (
            "adapter_model.safetensors",
            "trainer_state.json",
            "train_results.json",
            "checkpoint-2/a",
            "checkpoint-10/a",
        )
    )
    run.write("1/files", listing.encode())
    run.slurm_says(None)
    run.look()
    run.look()
    assert run.look() is JobStatus.SUCCEEDED
    with sessions() as session:
        assert unwanted_paths(session, run.job_id) == {"output/checkpoint-2", "1/secrets"}


@pytest.mark.parametrize(("since", "status"), [(-600, JobStatus.SUCCEEDED), (600, JobStatus.FAILED)])
def test_files_are_held_to_the_start_by_their_own_clock(run: Run, since: float, status: JobStatus) -> None:
    """What an earlier attempt left is no success of this one; a file server's clock may be behind the nodes'."""
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, told=f"files_since={run.cluster.clock_epoch + since:.0f}\n")
    started = f"slurm_job_id=100\nrestart=0\nnode=n1\nepoch={run.cluster.clock_epoch + 300:.0f}\n"
    run.write("1/started", started.encode())
    run.slurm_says("COMPLETED")
    assert run.look() is status


def test_exit_code_0_is_not_success_when_steps_are_missing(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, kind="jit_sigterm")
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert failure["message"]


def test_a_failed_run_says_why_from_its_log(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.write("1/stderr.log", b"Traceback (most recent call last):\n  File x\nValueError: Undefined dataset foo\n")
    run.end(1)
    run.slurm_says("FAILED")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert "Undefined dataset foo" in failure["message"] + " ".join(failure["evidence"])
    assert (failure["code"], failure["retry"]) == ("dataset", None)


def test_a_failed_run_is_told_how_to_retry_it_on_its_cluster(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.execute(update(ClusterRow).values(snapshot=SNAPSHOT))
    run.slurm_says("RUNNING")
    run.look()
    run.end(1)
    run.slurm_says("TIMEOUT")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert failure["code"] == "timeout"
    assert failure["retry"] == {"resources": {"time_limit": "1-03:46:40"}}
    onward = '"continuation": {"on": ["timeout"]} lets it go on from its newest checkpoint'
    assert failure["hint"] == f"{onward}; or time_limit: 1-03:46:40 in place of 1-00:00:00, or fewer steps"


def test_no_secret_is_told(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, run.job_id)
        job.secrets = ["WANDB_API_KEY", "GONE_API_KEY"]
        keep_secret(session, job.owner_id, "WANDB_API_KEY", "0123456789abcdef", run.drive.cipher, run.world.clock())
    run.slurm_says("RUNNING")
    run.look()
    said = "Traceback (most recent call last):\n  File x\nValueError: key 0123456789abcdef refused\n"
    run.write("1/stderr.log", said.encode())
    run.end(1)
    run.slurm_says("FAILED")
    run.look()
    failure = run.world.job(run.job_id).failure
    assert failure
    assert (
        failure["message"]
        == "ValueError: key *** refused; training itself was done, and the weights are among the artifacts"
    )
    assert "0123456789abcdef" not in str(failure)


def test_a_success_that_diverged_says_so(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, kind="nan")
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED
    job = run.world.job(run.job_id)
    assert "diverged" in (job.status_reason or "")
    assert job.result
    assert job.result["diverged"] is True
    with run.sessions() as session:
        warning = session.scalars(select(JobEvent).where(JobEvent.type == "warning")).one()
    assert warning.data["retry"] == {"config": {"learning_rate": 5e-6}}


def lose_records(run: Run, *names: str) -> None:
    for name in names:
        del run.cluster.files[f"{run.folder}/{name}"]


@pytest.mark.parametrize("is_in_queue", [True, False])
def test_a_success_whose_records_were_lost_is_a_success(run: Run, is_in_queue: bool) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.cluster.listings[f"{run.folder}/1"] = run.cluster.files[f"{run.folder}/1/files"]
    owned_by(run, 100)
    lose_records(run, "1/exit", "1/files")
    run.slurm_says("COMPLETED" if is_in_queue else None)
    name = run.cluster.submitted[0].job_name
    run.cluster.accounted = {(100, name): AccountedJob(100, "COMPLETED", 0, 1.0, 2.0, "n1")}
    run.look()
    run.world.clock.advance(16)
    assert run.look() is JobStatus.SUCCEEDED
    with run.sessions() as session:
        assert len(session.scalars(select(Artifact)).all()) == 4


def test_a_listing_that_a_full_disk_cut_short_is_made_anew(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    whole = run.cluster.files[f"{run.folder}/1/files"]
    run.write("1/files", whole[:7])
    run.cluster.listings[f"{run.folder}/1"] = whole
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED
