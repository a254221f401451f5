"""One look at the live jobs becomes rows: a recorded run up to its end, and what must not end it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tests.worker.conftest import World
from tests.worker.watched_run import RECORDED, Run
from tuning.errors import LeaseLost, SiteState, SlurmUnavailable
from tuning.jobs.models import Artifact, MetricPoint
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import AccountedJob
from worker.ages import Ages
from worker.observe.watch import watch
from worker.upkeep.reachability import note_reached, note_unreachable


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    return Run(world, sessions)


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


def test_the_log_of_a_run_that_was_never_seen_running_is_read(run: Run) -> None:
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


def test_the_end_of_a_log_is_waited_for_as_long_as_file_systems_need(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(0, told="stderr_bytes=7\n")
    run.slurm_says("COMPLETED")
    run.look()
    run.world.clock.advance(74)
    assert run.look() is JobStatus.RUNNING
    run.world.clock.advance(1)
    assert run.look() is JobStatus.SUCCEEDED


def test_the_record_of_a_job_that_slurm_says_has_ended_is_looked_for_anew(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.slurm_says("FAILED")
    run.look()
    assert run.cluster.opened == ()
    run.look()
    assert f"{run.folder}/1" in run.cluster.opened


def test_accounting_is_asked_why_a_forgotten_run_was_ended(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.end(143)
    run.slurm_says(None)
    run.cluster.accounted = {
        (100, run.cluster.submitted[0].job_name): AccountedJob(100, "PREEMPTED", 0, 1.0, 2.0, "n1")
    }
    assert run.look() is JobStatus.QUEUED


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


def test_no_answer_ends_nothing_and_is_told(run: Run) -> None:
    run.slurm_says("RUNNING")
    run.look()
    run.cluster.queue = None
    with pytest.raises(SlurmUnavailable):
        watch(run.driver)
    note_unreachable(run.driver, "down")
    away = run.world.job(run.job_id)
    assert (away.status, away.unreachable_since) == (JobStatus.RUNNING, run.world.clock())
    run.slurm_says("RUNNING")
    run.look()
    note_reached(run.driver, 0.5)
    back = run.world.job(run.job_id)
    assert back.unreachable_since is None
    assert back.version > away.version


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
    run.driver = replace(run.driver, ages=Ages(seconds))
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
        watch(run.driver)
    assert run.world.job(run.job_id).status is JobStatus.PENDING
