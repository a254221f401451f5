"""The end of a run is judged by what it left, and written down with its cause."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON
from tests.worker.conftest import World, submit
from tests.worker.watched_run import Run, owned_by
from tuning.clusters.models import ClusterRow
from tuning.clusters.sick_nodes import faults_of
from tuning.db.engine import transaction
from tuning.jobs.actions.removals import unwanted_paths
from tuning.jobs.models import Artifact, Attempt, AttemptTexts, Job, JobEvent
from tuning.jobs.queries.driver import LiveAttempt, live_attempts
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.models.names import ResultName
from tuning.models.pins import add_pin
from tuning.secrets.service import keep_secret
from tuning.slurm.answers import AccountedJob
from tuning.slurm.attempt_records import ExitRecord
from worker.finish.end import finish
from worker.observe.judgement import Ended

SNAPSHOT = {
    "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 100_000}],
    "nodes": [{"name": "n1", "partitions": ["gpu"], "memory_mb": 256_000}],
}
PREEMPTED = Ended("PREEMPTED", "preempted", None, NOON + timedelta(seconds=60), "n1")
FAILED = Ended("FAILED", "failed", ExitRecord(100, 0, "n1", 0.0, 1), NOON + timedelta(seconds=60), "n1")


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_the_hashes_of_the_clusters_own_data_are_recorded_beside_those_of_uploads(
    run: Run, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        session.get_one(Job, run.job_id).record = {"seed": 42, "dataset_sha256s": ["u" * 64]}
    run.end(0)
    run.write("1/data-sums", b"a" * 64 + b"  /shared/LLaMA-Factory/data/identity.json\n")
    run.slurm_says(None)
    for _ in range(3):
        run.look()
    with sessions() as session:
        assert session.get_one(Job, run.job_id).record == {"seed": 42, "dataset_sha256s": ["u" * 64, "a" * 64]}


def test_of_a_success_only_so_many_checkpoints_stay_and_no_secret(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, run.job_id)
        job.keep_checkpoints, job.secrets = 1, ["A_KEY"]
        add_pin(session, ResultName(run.job_id, 4), "ada", NOON)
    run.end(0)
    listing = "".join(
        f"9 {run.cluster.clock_epoch + 5} {name}\0"
        for name in (
            "adapter_model.safetensors",
            "trainer_state.json",
            "train_results.json",
            "checkpoint-2/a",
            "checkpoint-4/a",
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
    """Files of an earlier attempt are no success of this one; a file server's clock may be behind the nodes'."""
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, told=f"files_since={run.cluster.clock_epoch + since:.0f}\n")
    started = f"slurm_job_id=100\nrestart=0\nnode=n1\nepoch={run.cluster.clock_epoch + 300:.0f}\n"
    run.write("1/started", started.encode())
    run.slurm_says("COMPLETED")
    assert run.look() is status


def test_the_runtime_of_a_continued_run_is_that_of_all_its_processes(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        state = to_json(EtaState(elapsed_before=3600.0))
        session.execute(update(Attempt).values(eta_state=state))
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED
    assert (run.world.job(run.job_id).result or {})["runtime_seconds"] == pytest.approx(3600 + 27.9831)


def test_a_run_that_logs_seldom_ends_with_the_loss_of_its_last_steps(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    first = b'{"current_steps": 1, "total_steps": 3, "loss": 3.0, "epoch": 0.3, "elapsed_time": "0:00:01"}\n'
    run.write("output/trainer_log.jsonl", first)
    run.end(0)
    history = [{"step": 1, "loss": 3.0}, {"step": 3, "train_loss": 2.0}]
    state = {"global_step": 3, "max_steps": 3, "log_history": history}
    run.write("output/trainer_state.json", json.dumps(state).encode())
    run.write("output/train_results.json", b'{"train_loss": 2.0}')
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED
    assert run.world.job(run.job_id).loss == pytest.approx(1.5)


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
    next_attempt = '"continuation": {"on": ["timeout"]} lets it go on from its newest checkpoint'
    assert failure["hint"] == f"{next_attempt}; or time_limit: 1-03:46:40 in place of 1-00:00:00, or fewer steps"


def test_a_failed_run_is_offered_its_newest_whole_checkpoint(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    files = ("checkpoint-5/trainer_state.json", "checkpoint-5/model.safetensors", "checkpoint-9/model.safetensors")
    run.end(139)
    run.write("1/files", "".join(f"9 {run.cluster.clock_epoch + 5} {name}\0" for name in files).encode())
    run.slurm_says("FAILED")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert failure["retry"] is None
    assert failure["hint"].endswith(
        f"; `packtrain retry {run.job_id} --from-checkpoint 5` goes on from its checkpoint 5"
    )


SICK_GPU = (
    b"Traceback (most recent call last):\n  File x\nRuntimeError: CUDA error: uncorrectable ECC error encountered\n"
)


@pytest.fixture
def two_nodes(run: Run, sessions: sessionmaker[Session]) -> Run:
    with transaction(sessions) as session:
        nodes = [
            {"name": name, "partitions": ["gpu"], "memory_mb": 256_000, "cpus": 8, "gpus": 4} for name in ("n1", "n2")
        ]
        snapshot = {**SNAPSHOT, "nodes": nodes, "datasets": {"identity": {}}}
        session.execute(update(ClusterRow).values(snapshot=snapshot))
    return run


def end_by_a_sick_gpu(run: Run) -> Job:
    run.slurm_says("RUNNING")
    run.look()
    run.write("1/stderr.log", SICK_GPU)
    run.end(1)
    run.slurm_says("FAILED")
    run.look()
    return run.world.job(run.job_id)


def test_a_run_that_a_sick_gpu_ended_goes_on_at_another_node(two_nodes: Run, sessions: sessionmaker[Session]) -> None:
    job = end_by_a_sick_gpu(two_nodes)
    assert job.status is JobStatus.QUEUED
    assert job.status_reason == "attempt 1: the hardware of its node failed (n1); it goes on from the start"
    with sessions() as session:
        assert session.get_one(Attempt, (job.id, 1)).ended_by == "node_fault"
        (fault,) = faults_of(session, ["lab"], two_nodes.world.clock())["lab"]
    assert (fault.node, fault.job_id, "uncorrectable ECC error" in fault.message) == ("n1", job.id, True)
    submit(two_nodes.driver)
    with sessions() as session:
        texts = session.get_one(AttemptTexts, (job.id, 2))
    assert "#SBATCH --exclude=n1\n" in texts.script


def test_of_several_nodes_the_one_that_srun_names_is_at_fault(two_nodes: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, two_nodes.job_id)
        job.resources = {**job.resources, "nodes": 2}
        session.get_one(Attempt, (job.id, 1)).nodes = "n[1-2]"
    two_nodes.write("1/stderr.log", SICK_GPU + b"srun: error: n2: task 1: Exited with exit code 1\n")
    two_nodes.end(1)
    two_nodes.slurm_says("FAILED")
    while two_nodes.world.job(two_nodes.job_id).status is JobStatus.PENDING:
        two_nodes.look()
    two_nodes.look()
    with sessions() as session:
        assert [fault.node for fault in faults_of(session, ["lab"], two_nodes.world.clock())["lab"]] == ["n2"]


def test_a_job_that_fails_so_on_every_node_fails_with_advice(two_nodes: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.get_one(Job, two_nodes.job_id).continuation = {"max_attempts": 10, "on": ["timeout"]}
    job = end_by_a_sick_gpu(two_nodes)
    assert job.status is JobStatus.FAILED
    failure = job.failure
    assert failure
    assert (failure["code"], failure["retry"]) == ("node_fail", {"resources": {"exclude": "n1"}})
    assert "exclude" in failure["hint"]


def test_no_secret_is_told(run: Run, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        job = session.get_one(Job, run.job_id)
        job.secrets = ["WANDB_API_KEY", "GONE_API_KEY"]
        keep_secret(session, job.owner_id, "WANDB_API_KEY", "0123456789abcdef", run.driver.cipher, run.world.clock())
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


@pytest.fixture
def continued(run: Run) -> Run:
    """A run of which an earlier attempt has left a file."""
    run.slurm_says("RUNNING")
    run.look()
    with transaction(run.sessions) as session:
        session.add(Artifact(job_id=run.job_id, path="checkpoint-5/a", size_bytes=9, modified_at=NOON))
    return run


def ended(run: Run, judgement: Ended, listing: bytes = b"") -> tuple[Job, Attempt, list[str]]:
    """The rows of the job, its attempt and its artifacts when it was finished so."""
    contents = {f"{run.folder}/1/files": listing} if listing else {}
    with transaction(run.sessions) as session:
        finish(session, run.driver, live(session), judgement, contents)
    with run.sessions() as session:
        job, attempt = session.get_one(Job, run.job_id), session.get_one(Attempt, (run.job_id, 1))
        return job, attempt, list(session.scalars(select(Artifact.path).order_by(Artifact.path)))


def live(session: Session) -> LiveAttempt:
    [found] = live_attempts(session, "lab")
    return found


def test_without_a_listing_a_job_that_goes_on_keeps_its_files(continued: Run) -> None:
    job, _, files = ended(continued, PREEMPTED)
    assert (job.status, files) == (JobStatus.QUEUED, ["checkpoint-5/a"])


def test_a_listing_of_a_job_that_goes_on_replaces_its_files(continued: Run) -> None:
    job, _, files = ended(continued, PREEMPTED, b"9 100 checkpoint-10/a\0")
    assert (job.status, files) == (JobStatus.QUEUED, ["checkpoint-10/a"])


def test_an_ended_job_has_the_files_of_its_end_only(continued: Run) -> None:
    job, _, files = ended(continued, FAILED)
    assert (job.status, files) == (JobStatus.FAILED, [])


@pytest.mark.parametrize(("ended_after", "finished_after"), [(-3600, 0), (0, 0), (60, 60)])
def test_a_job_never_finishes_before_it_started(continued: Run, ended_after: int, finished_after: int) -> None:
    """The cluster's clock may have jumped back meanwhile."""
    started = continued.world.job(continued.job_id).started_at
    assert started
    record = ExitRecord(100, 0, "n1", 0.0, 1)
    judgement = Ended("FAILED", "failed", record, started + timedelta(seconds=ended_after), "n1")
    assert ended(continued, judgement)[0].finished_at == started + timedelta(seconds=finished_after)


def test_a_closed_attempt_holds_slurms_word_and_its_exit_code(continued: Run) -> None:
    job, attempt, _ = ended(continued, FAILED)
    assert (attempt.ended_by, attempt.slurm_state, attempt.exit_code) == ("failed", "FAILED", 1)
    assert (attempt.finished_at, attempt.nodes, job.slurm_state) == (FAILED.finished_at, "n1", "FAILED")
    assert job.failure


@pytest.mark.parametrize(
    ("judgement", "cancelled", "is_looked_at_again"),
    [
        (FAILED, False, False),
        (Ended("FAILED", "failed", None, NOON, "n1"), False, True),
        (Ended("COMPLETED", "completed", ExitRecord(100, 0, "n1", 0.0, 0), NOON, "n1"), False, True),
        (Ended("FAILED", "failed", None, NOON, "n1"), True, False),
    ],
)
def test_only_a_bad_end_without_its_witness_is_looked_at_again(
    continued: Run, judgement: Ended, cancelled: bool, is_looked_at_again: bool
) -> None:
    with transaction(continued.sessions) as session:
        job = session.get_one(Job, continued.job_id)
        job.cancel_requested_at = NOON if cancelled else None
    job, attempt, _ = ended(continued, judgement, b"9 100 a\0")
    assert job.status is (JobStatus.CANCELLED if cancelled else JobStatus.FAILED)
    assert (attempt.recheck_at is not None) is is_looked_at_again
