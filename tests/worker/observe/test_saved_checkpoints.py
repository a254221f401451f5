"""Events of checkpoints that running jobs save: each once, by what the worker sees anyhow."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.live_attempts import attempt
from tests.worker.watched_run import Run
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, JobEvent
from tuning.jobs.output import checkpoints
from tuning.jobs.status import JobStatus
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from worker.expected_checkpoints import ExpectedCheckpoints

PLAN = TrainingPlan(logging_steps=10, saving=Cadence(100, "steps", at_end=True))
LINE = '{"current_steps": %d, "total_steps": 1000, "loss": 2.0, "epoch": 0.1, "elapsed_time": "0:10:00"}\n'
EVALUATED = '{"current_steps": %d, "total_steps": 1000, "eval_loss": 1.25, "epoch": 0.1, "elapsed_time": "0:10:00"}\n'


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    running = Run(world, sessions)
    running.slurm_says("RUNNING")
    running.look()
    with transaction(sessions) as session:
        session.execute(update(Attempt).values(eta_state=to_json(EtaState(plan=PLAN))))
    return running


def saved(run: Run) -> list[tuple[str, dict[str, Any]]]:
    with run.sessions() as session:
        wanted = select(JobEvent.message, JobEvent.data).where(JobEvent.type == "checkpoint.saved")
        return [(message, data) for message, data in session.execute(wanted.order_by(JobEvent.id))]


def steps(run: Run) -> list[int]:
    return [data["step"] for _, data in saved(run)]


def save(run: Run, step: int, content: bytes = b"{}") -> None:
    run.write(f"output/checkpoint-{step}/trainer_state.json", content)


def log(run: Run, *lines: str) -> None:
    """The training log up to here, and a look at it."""
    run.write("output/trainer_log.jsonl", "".join(lines).encode())
    run.look()


def test_a_new_checkpoint_is_told_once_with_its_values(run: Run) -> None:
    lines = [LINE % 90]
    log(run, *lines)
    reads = len(run.cluster.reads)
    lines += [LINE % 100, EVALUATED % 100]
    save(run, 100)
    log(run, *lines)
    run.look()
    data = {"step": 100, "path": "output/checkpoint-100", "metrics": {"loss": 2.0, "eval_loss": 1.25}}
    assert saved(run) == [("checkpoint 100 was saved: eval_loss 1.25, loss 2", data)]
    assert len(run.cluster.reads) == reads + 1, "the log, and nothing of the checkpoint"


def test_a_checkpoint_is_told_that_is_seen_after_the_log_went_on(run: Run) -> None:
    log(run, LINE % 90)
    log(run, LINE % 90, LINE % 110)
    assert steps(run) == []
    save(run, 100)
    run.look()
    assert steps(run) == [100]


def test_a_checkpoint_is_told_though_the_log_is_far_beyond_it(run: Run) -> None:
    log(run, LINE % 90)
    save(run, 100)
    log(run, LINE % 90, LINE % 900)
    assert steps(run) == [100]


def test_half_a_checkpoint_is_not_told(run: Run) -> None:
    log(run, LINE % 90)
    save(run, 100, b"")
    run.look()
    assert steps(run) == []


def test_another_worker_tells_nothing_anew(run: Run) -> None:
    log(run, LINE % 90)
    save(run, 100)
    run.look()
    run.driver = replace(run.driver, expected_checkpoints=ExpectedCheckpoints())
    log(run, LINE % 90, LINE % 110)
    run.look()
    assert steps(run) == [100]


def test_what_was_told_is_not_looked_for_again(run: Run) -> None:
    log(run, LINE % 90)
    save(run, 100)
    run.look()
    run.look()
    assert run.driver.expected_checkpoints.paths("", [attempt(run.job_id)]) == []
    log(run, LINE % 90, LINE % 110)
    (path,) = run.driver.expected_checkpoints.paths("", [attempt(run.job_id)])
    assert path.endswith("checkpoint-200/trainer_state.json")


def test_a_run_that_ends_has_told_of_all_that_it_leaves(run: Run) -> None:
    log(run, LINE % 90)
    save(run, 100)
    run.look()
    run.end(0)
    listing = run.cluster.files[f"{run.folder}/1/files"].decode()
    names = [f"checkpoint-{step}/trainer_state.json" for step in (100, 200, 9999999999)]
    more = "".join(f"9 {run.cluster.clock_epoch + 5} {name}\0" for name in (*names, "checkpoint-300/model"))
    run.write("1/files", (listing + more).encode())
    run.slurm_says("COMPLETED")
    run.look()
    assert run.look() is JobStatus.SUCCEEDED
    assert steps(run) == [100, 200]


def test_a_job_that_saves_each_step_is_told_of_so_often_at_most(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST_TOLD", 3)
    with transaction(run.sessions) as session:
        checkpoints.tell_saved(session, run.job_id, [1, 2], run.world.clock())
        checkpoints.tell_saved(session, run.job_id, [2, 3, 4], run.world.clock())
    assert steps(run) == [1, 2, 3]
