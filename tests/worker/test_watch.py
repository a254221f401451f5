"""One look at the live jobs becomes rows: a recorded run up to its judged end, and what must not end it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tests.worker.conftest import ScriptedCluster, World, submit
from tuning.clusters.models import ClusterRow
from tuning.db import transaction
from tuning.errors import LeaseLost, SiteState, SlurmUnavailable
from tuning.jobs.models import Artifact, Job, JobEvent, MetricPoint
from tuning.jobs.removals import unwanted_paths
from tuning.jobs.status import JobStatus
from tuning.secrets.service import keep_secret
from tuning.slurm.answers import ABANDONED, AccountedJob, FileStat, QueuedJob
from tuning.slurm.cluster import (
    AttemptLook,
    Examination,
    LookRequest,
    NamedJob,
    Observation,
    ReadAnswer,
    ReadRequest,
)
from worker.ages import Ages
from worker.reach import note_reached, note_unreachable
from worker.watch import watch

RECORDED = Path(__file__).parents[1] / "fixtures/llamafactory"


class WatchedCluster(ScriptedCluster):
    """Has a queue and a file system."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: dict[int, QueuedJob] | None = {}
        self.accounted: dict[NamedJob, AccountedJob] | None = None
        self.files: dict[str, bytes] = {}
        self.clock_epoch = 0.0
        self.opened: tuple[str, ...] = ()
        self.has_root = True
        self.examined: list[LookRequest] = []
        self.owners: dict[str, str] = {}
        """Claims, by the folder of the attempt."""
        self.listings: dict[str, bytes] = {}
        """What the output holds, by the folder of the attempt."""
        self.reads: list[str] = []
        self.closed: set[str] = set()
        """Folders that cannot be looked into."""

    def observe(self, files: Iterable[str], opened: Iterable[str] = ()) -> Observation:
        """The queue, and the files that exist."""
        self.opened = tuple(opened)
        there = [path for path in files if path in self.files and self.has_root]
        stats = {path: FileStat(1, len(self.files[path]), 0.0) for path in there}
        error = None if self.queue is not None else "squeue gave no answer: down"
        return Observation(self.queue, error, stats, self.clock_epoch, has_root=self.has_root)

    def examine(
        self, slurm_job_ids: Sequence[int], since_seconds: float, requests: Sequence[LookRequest]
    ) -> Examination:
        """Accounting is down unless told otherwise: everything must work without it."""
        self.examined = [*requests]
        return Examination(self.accounted or {}, [self._look(one) for one in requests])

    def _look(self, request: LookRequest) -> AttemptLook | None:
        folder = request.attempt_directory
        if folder in self.closed:
            return AttemptLook(None)
        if request.takes_claim:
            self.owners.setdefault(folder, ABANDONED)
        return AttemptLook(self.owners.get(folder, ""), None, self.listings.get(folder, b""))

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """Ranges of the files that exist."""
        there = [one for one in requests if one.path in self.files]
        self.reads += [one.path for one in there]
        return ReadAnswer({one.path: self.files[one.path][one.offset : one.offset + one.length] for one in there})


class Run:
    """A job on its way through the cluster."""

    def __init__(self, world: World, sessions: sessionmaker[Session], job_id: str | None = None) -> None:
        self.cluster = WatchedCluster()
        self.cluster.clock_epoch = world.clock().timestamp()
        self.world, self.sessions = world, sessions
        self.drive = replace(world.drive, cluster=self.cluster)
        self.job_id = job_id or world.add()
        submit(self.drive)
        self.folder = f"/shared/packtrain/jobs/{self.job_id}"

    def slurm_says(self, state: str | None, expected_start: float | None = None) -> None:
        start = self.cluster.clock_epoch if state == "RUNNING" else expected_start
        name = self.cluster.submitted[0].job_name
        queued = QueuedJob(100, state or "", "Resources", start, "n1", name, "(null)")
        self.cluster.queue = {} if state is None else {100: queued}

    def write(self, name: str, content: bytes) -> None:
        self.cluster.files[f"{self.folder}/{name}"] = content

    def end(self, exit_code: int, kind: str = "complete", told: str = "") -> None:
        """What a recorded run left behind, and the script's records."""
        head = f"slurm_job_id=100\nrestart=0\nnode=n1\nepoch={self.cluster.clock_epoch:.0f}\n"
        self.write("1/started", head.encode())
        names = ("adapter_model.safetensors", "trainer_state.json", "train_results.json", "all_results.json")
        listing = "".join(f"9 {self.cluster.clock_epoch + 5} {name}\0" for name in names)
        self.write("1/files", listing.encode())
        self.write("output/trainer_state.json", (RECORDED / f"trainer_state.{kind}.json").read_bytes())
        results = (RECORDED / "train_results.complete.json").read_bytes()
        self.write("output/train_results.json", results)
        self.write("output/all_results.json", results)
        self.write("1/exit", f"{head}exit_code={exit_code}\n{told}".encode())

    def look(self) -> JobStatus:
        watch(self.drive)
        return self.world.job(self.job_id).status


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


def test_an_expected_start_that_moves_by_seconds_is_no_news(run: Run) -> None:
    run.slurm_says("PENDING")
    start = run.cluster.clock_epoch + 600
    versions = []
    for moved in (0.0, 1.0, 29.0, 31.0):
        run.slurm_says("PENDING", start + moved)
        run.look()
        versions.append(run.world.job(run.job_id).version)
    assert versions[0] == versions[1] == versions[2]
    assert versions[3] == versions[0] + 1
    expected = run.world.job(run.job_id).expected_start_at
    assert expected
    assert expected.timestamp() == start + 31


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


def test_a_recorded_run_is_followed_to_its_success(run: Run) -> None:
    run.slurm_says("PENDING")
    assert run.look() is JobStatus.PENDING
    assert run.world.job(run.job_id).slurm_reason == "Resources"
    run.slurm_says("RUNNING")
    assert run.look() is JobStatus.RUNNING
    log = (RECORDED / "trainer_log.complete.jsonl").read_bytes()
    run.write("output/trainer_log.jsonl", log[:1500])
    run.look()
    half = run.world.job(run.job_id)
    assert half.current_steps
    assert half.total_steps == 90
    assert half.eta_seconds
    run.write("output/trainer_log.jsonl", log)
    run.end(0)
    run.slurm_says("COMPLETING")
    assert run.look() is JobStatus.SUCCEEDED
    job = run.world.job(run.job_id)
    assert (job.current_steps, job.percentage, job.eta_seconds, job.failure) == (90, 100.0, None, None)
    assert job.result
    with run.sessions() as session:
        assert len(session.scalars(select(Artifact)).all()) == 4
        steps = session.scalars(select(MetricPoint.step).where(MetricPoint.kind == "train")).all()
    assert sorted(set(steps)) == sorted(steps)
    assert max(steps) == 90


def test_a_run_that_was_too_short_to_be_seen_running_has_its_log_read_all_the_same(run: Run) -> None:
    run.write("output/trainer_log.jsonl", (RECORDED / "trainer_log.complete.jsonl").read_bytes())
    run.end(0)
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.RUNNING
    assert run.look() is JobStatus.SUCCEEDED
    assert run.world.job(run.job_id).current_steps == 90


def test_the_end_of_a_log_that_is_shown_late_is_waited_for(run: Run) -> None:
    log = (RECORDED / "trainer_log.complete.jsonl").read_bytes()
    run.slurm_says("RUNNING")
    run.look()
    run.write("output/trainer_log.jsonl", log[:1500])
    run.end(0, told=f"trainer_log_bytes={len(log)}\n")
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.RUNNING
    run.look()
    assert {f"{run.folder}/{name}" for name in ("1", "output", "output/trainer_log.jsonl")} <= set(run.cluster.opened)
    run.write("output/trainer_log.jsonl", log)
    assert run.look() is JobStatus.SUCCEEDED
    assert run.world.job(run.job_id).current_steps == 90


def test_the_end_of_a_log_that_is_never_shown_is_not_waited_for_longer_than_a_file_system_needs(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, told="stderr_bytes=7\n")
    run.slurm_says("COMPLETED")
    run.look()
    run.world.clock.advance(74)
    assert run.look() is JobStatus.RUNNING
    run.world.clock.advance(1)
    assert run.look() is JobStatus.SUCCEEDED


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


def test_the_record_of_a_job_that_slurm_says_has_ended_is_looked_for_anew(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says("FAILED")
    run.look()
    assert run.cluster.opened == ()
    run.look()
    assert f"{run.folder}/1" in run.cluster.opened


def test_why_a_run_was_ended_is_asked_of_accounting_when_the_queue_has_forgotten_it(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(143)
    run.slurm_says(None)
    run.cluster.accounted = {
        (100, run.cluster.submitted[0].job_name): AccountedJob(100, "PREEMPTED", 0, 1.0, 2.0, "n1")
    }
    assert run.look() is JobStatus.QUEUED


def test_exit_code_0_is_not_success_when_steps_are_missing(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, kind="jit_sigterm")
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert failure["message"]


def test_elapsed_time_never_falls_when_slurm_starts_a_job_anew(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    line = '{{"current_steps": {0}, "total_steps": 90, "loss": 2.0, "percentage": 1.0, "elapsed_time": "0:0{1}:00"}}\n'
    told = []
    log = b""
    for step, minutes in ((1, 0), (2, 5), (1, 0), (2, 1), (3, 9)):
        log += line.format(step, minutes).encode()
        run.write("output/trainer_log.jsonl", log)
        run.look()
        told.append(run.world.job(run.job_id).elapsed_seconds or 0.0)
        run.world.clock.advance(400)
    assert told == sorted(told)
    assert told[-1] > told[0]


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


SNAPSHOT = {
    "partitions": [{"name": "gpu", "is_default": True, "max_time_seconds": 100_000}],
    "nodes": [{"name": "n1", "partitions": ["gpu"], "memory_mb": 256_000}],
}


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


def test_no_answer_ends_nothing_and_is_told(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.cluster.queue = None
    with pytest.raises(SlurmUnavailable):
        watch(run.drive)
    note_unreachable(run.drive, "down")
    away = run.world.job(run.job_id)
    assert (away.status, away.unreachable_since) == (JobStatus.RUNNING, run.world.clock())
    run.slurm_says("RUNNING")
    run.look()
    note_reached(run.drive, 0.5)
    back = run.world.job(run.job_id)
    assert back.unreachable_since is None
    assert back.version > away.version


def owned_by(run: Run, slurm_job_id: int) -> None:
    run.cluster.owners[f"{run.folder}/1"] = str(slurm_job_id)


def test_a_run_that_slurm_forgot_is_given_up_when_it_is_silent_for_longer_than_it_should_be(run: Run) -> None:
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


@pytest.mark.parametrize("accounted", ["COMPLETED", "FAILED", "CANCELLED by 7", None])
def test_while_the_folder_is_away_no_run_ends_and_one_that_starts_is_seen(run: Run, accounted: str | None) -> None:
    run.cluster.has_root = False
    run.slurm_says("RUNNING")
    with pytest.raises(SiteState, match="away"):
        run.look()
    run.slurm_says(None)
    own = run.cluster.submitted[0].job_name
    run.cluster.accounted = {(100, own): AccountedJob(100, accounted, 0, 1.0, 2.0, "n1")} if accounted else None
    for _ in range(10):
        run.world.clock.advance(100)
        with pytest.raises(SiteState, match="away"):
            run.look()
        assert run.world.job(run.job_id).status is JobStatus.RUNNING
    run.cluster.has_root = True
    run.end(0)
    run.look()
    assert run.look() is JobStatus.SUCCEEDED


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
def test_a_clock_that_jumps_ends_nothing_and_holds_up_nothing(run: Run, jump: timedelta) -> None:
    seconds = Seconds()
    run.drive = replace(run.drive, ages=Ages(seconds))
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says(None)
    run.look()
    run.world.clock.now += jump
    for _ in range(3):
        assert run.look() is JobStatus.RUNNING
        seconds.now += 30
    seconds.now += 30
    assert run.look() is JobStatus.QUEUED, "it never had a claim"


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


def forgotten(run: Run, seconds: int = 150) -> JobStatus:
    """Slurm says nothing of the job for this time."""
    run.slurm_says(None)
    for _ in range(seconds // 10 + 1):
        run.look()
        run.world.clock.advance(10)
    return run.world.job(run.job_id).status


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
    submit(run.drive)
    assert run.world.attempts(run.job_id) == [(2, 100)]


@pytest.mark.parametrize(("wish", "status"), [("cancel", JobStatus.CANCELLED), ("hold", JobStatus.HELD)])
def test_what_slurm_forgot_is_not_submitted_again_where_nobody_wants_it(
    run: Run, sessions: sessionmaker[Session], wish: str, status: JobStatus
) -> None:
    with transaction(sessions) as session:
        setattr(session.get_one(Job, run.job_id), f"{wish}_requested_at", run.world.clock())
    assert forgotten(run) is status


def test_what_slurm_forgot_after_it_began_is_not_submitted_again(run: Run) -> None:
    owned_by(run, 100)
    assert forgotten(run) is JobStatus.RUNNING
    assert run.world.attempts(run.job_id) == [(1, 100)]


def test_what_slurm_forgot_is_left_alone_while_nobody_can_tell_who_owns_it(run: Run) -> None:
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


def events(run: Run) -> list[str]:
    with run.sessions() as session:
        wanted = select(JobEvent.type).where(JobEvent.job_id == run.job_id).order_by(JobEvent.id)
        return list(session.scalars(wanted))


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
            watch(run.drive)
    assert run.world.job(run.job_id).status is JobStatus.RUNNING


def test_one_empty_answer_and_an_exit_record_end_nothing(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    run.slurm_says(None)
    assert run.look() is JobStatus.RUNNING
    run.slurm_says("RUNNING")
    assert run.look() is JobStatus.RUNNING


def test_an_exit_record_and_an_empty_queue_end_nothing_that_accounting_says_to_run(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    name = run.cluster.submitted[0].job_name
    run.cluster.accounted = {(100, name): AccountedJob(100, "RUNNING", None, None, None, None)}
    assert forgotten(run, 60) is JobStatus.RUNNING
    assert forgotten(run) is JobStatus.SUCCEEDED, "not for ever: a controller that lost its state leaves that behind"


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


def test_a_success_in_a_folder_that_is_closed_for_a_while_is_waited_for_and_corrected_after_that(run: Run) -> None:
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


def test_a_listing_that_a_full_disk_cut_short_is_made_anew(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0)
    whole = run.cluster.files[f"{run.folder}/1/files"]
    run.write("1/files", whole[:7])
    run.cluster.listings[f"{run.folder}/1"] = whole
    run.slurm_says("COMPLETED")
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


def test_a_job_of_another_name_that_was_given_its_number_is_not_taken_for_it(run: Run) -> None:
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


def test_slurm_may_put_a_job_back(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says("PENDING")
    assert run.look() is JobStatus.PENDING


def test_an_unchanged_job_is_not_written(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    version = run.world.job(run.job_id).version
    run.look()
    assert run.world.job(run.job_id).version == version


def test_a_worker_that_lost_its_lease_writes_nothing(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.world.lose_lease()
    with pytest.raises(LeaseLost):
        watch(run.drive)
    assert run.world.job(run.job_id).status is JobStatus.PENDING


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
    watch(run.drive)
    with sessions() as session:
        assert session.get(Job, run.job_id) is None
