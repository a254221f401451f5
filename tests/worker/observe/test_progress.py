"""Training logs and rows with absurd numbers become progress that both databases take."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.watched_run import Run
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, FilePosition, JobEvent
from tuning.jobs.status import JobStatus
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from tuning.llamafactory.progress.trainer_log import LogPoint

LINE = b'{"current_steps": %d, "total_steps": %d, "loss": 2.0, "epoch": 0.1, "elapsed_time": "%s"}\n'


@pytest.fixture
def run(world: World, sessions: sessionmaker[Session]) -> Run:
    running = Run(world, sessions)
    running.slurm_says("RUNNING")
    running.look()
    return running


def warnings(run: Run) -> list[dict[str, Any]]:
    with run.sessions() as session:
        return list(session.scalars(select(JobEvent.data).where(JobEvent.type == "warning")))


def keep_state(run: Run, state: EtaState) -> None:
    """What an older version has stored of the attempt."""
    with transaction(run.sessions) as session:
        session.execute(update(Attempt).values(eta_state=to_json(state)))


def test_the_plan_of_an_accepted_job_without_end_breaks_nothing(run: Run) -> None:
    """`max_steps: 100000000000000` and `logging_steps: 1e11`, as an older version took them in."""
    plan = TrainingPlan(1e11, Cadence(10**14, "steps", at_end=True), Cadence(1e12, "epochs", at_end=False), True, 1e300)
    old = LogPoint(1, 10**14, "train", 1e-300, 0.0, {"loss": 1.0}, 10**11, None, diverged=False)
    for state in (EtaState(plan=plan), EtaState(plan=plan, last=old, elapsed_before=1e300)):
        keep_state(run, state)
        run.write(
            "output/trainer_log.jsonl", LINE % (1, 2**31 - 1, b"0:00:01") + LINE % (2, 2**31 - 1, b"99 days, 0:00:00")
        )
        assert run.look() is JobStatus.RUNNING
        run.cluster.files.clear()
    job = run.world.job(run.job_id)
    assert (job.current_steps, job.total_steps, job.eta_seconds, job.expected_end_at) == (2, 2**31 - 1, None, None)


@pytest.mark.parametrize(("age", "counted"), [(4, 4), (-30, 0), (3600, 0)])
def test_a_line_is_as_old_as_its_file_is_dated_where_that_can_be(run: Run, age: float, counted: float) -> None:
    """The cluster's clock is a minute ahead of ours."""
    log = "output/trainer_log.jsonl"
    run.cluster.clock_epoch = run.world.clock().timestamp() + 60
    run.write(log, LINE % (10, 100, b"0:00:40"))
    run.cluster.modified[f"{run.folder}/{log}"] = run.cluster.clock_epoch - age
    run.look()
    assert run.world.job(run.job_id).elapsed_seconds == pytest.approx(40 + counted, abs=0.1)


def test_lines_that_no_run_writes_are_told_of_once(run: Run) -> None:
    good = LINE % (5, 90, b"0:00:05")
    bad = LINE % (6, 10**14, b"0:00:06") + LINE % (7, 90, b"999999 days, 0:00:00")
    run.write("output/trainer_log.jsonl", good + bad)
    run.look()
    run.write("output/trainer_log.jsonl", good + bad + bad)
    run.look()
    job = run.world.job(run.job_id)
    assert (job.current_steps, job.total_steps) == (5, 90)
    assert warnings(run) == [{"code": "set_aside", "attempt": 1, "file": "trainer_log.jsonl"}]


def test_bad_lines_are_counted_as_far_as_the_database_can(run: Run) -> None:
    run.write("output/trainer_log.jsonl", b"x\n")
    run.look()
    with transaction(run.sessions) as session:
        session.execute(update(FilePosition).values(bad_lines=2**31 - 1))
    run.write("output/trainer_log.jsonl", b"x\nx\n")
    run.look()
    with run.sessions() as session:
        assert session.scalars(select(FilePosition.bad_lines)).all() == [2**31 - 1]


def test_a_run_that_writes_what_nobody_understands_is_not_silent(run: Run) -> None:
    with run.sessions() as session:
        before = session.scalars(select(Attempt.quiet_until)).one()
    run.world.clock.advance(3000)
    run.write("output/trainer_log.jsonl", b"x\n")
    run.look()
    with run.sessions() as session:
        after = session.scalars(select(Attempt.quiet_until)).one()
    assert before is not None
    assert after == before + timedelta(seconds=3000)


def bar(step: int) -> bytes:
    """Four seconds a step."""
    minutes, seconds = divmod(4 * step, 60)
    return f"\r {step // 10}%|##        | {step}/1000 [{minutes:02d}:{seconds:02d}<9:59:59,  4.00s/it]".encode()


def test_a_run_that_logs_seldom_moves_with_its_bar(run: Run) -> None:
    keep_state(run, EtaState(plan=TrainingPlan(logging_steps=500)))
    text = b"Loading weights: 100%|###| 2/2 [00:01<00:00, 2.00it/s]\n"
    for step in range(10, 60, 10):
        run.world.clock.advance(40)
        text += bar(step)
        run.write("1/stderr.log", text)
        run.look()
    job = run.world.job(run.job_id)
    assert (job.current_steps, job.total_steps, job.progress_at) == (50, 1000, run.world.clock())
    assert job.eta_seconds == pytest.approx(950 * 4, rel=0.02)
    with run.sessions() as session:
        attempt = session.scalars(select(Attempt)).one()
    assert (attempt.first_step, attempt.last_step) == (None, None), "nothing is logged"


SELDOM = TrainingPlan(logging_steps=500, saving=Cadence(100, "steps", at_end=True))


def save(run: Run, step: int) -> None:
    path = f"output/checkpoint-{step}/trainer_state.json"
    run.write(path, b"{}")
    run.cluster.modified[f"{run.folder}/{path}"] = run.world.clock().timestamp()


def begin_to_log_seldom(run: Run) -> None:
    """Four seconds a step, without a bar (`disable_tqdm: true`)."""
    keep_state(run, EtaState(plan=SELDOM))
    run.world.clock.advance(4)
    run.cluster.clock_epoch = run.world.clock().timestamp()
    run.write("output/trainer_log.jsonl", LINE % (1, 1000, b"0:00:04"))
    run.look()


def test_a_run_that_logs_seldom_and_draws_no_bar_moves_with_its_checkpoints(run: Run) -> None:
    begin_to_log_seldom(run)
    reads = len(run.cluster.reads)
    for step in (100, 200):
        run.world.clock.advance(400)
        run.cluster.clock_epoch = run.world.clock().timestamp()
        save(run, step)
        run.look()
        assert run.world.job(run.job_id).current_steps == step
    assert run.world.job(run.job_id).eta_seconds == pytest.approx(800 * 4, rel=0.02)
    assert len(run.cluster.reads) == reads, "nothing more is read"


def test_a_checkpoint_that_an_earlier_attempt_left_moves_nothing(run: Run) -> None:
    save(run, 100)
    run.world.clock.advance(600)
    begin_to_log_seldom(run)
    run.look()
    run.look()
    assert run.world.job(run.job_id).current_steps == 1


def test_a_bar_is_written_down_as_often_as_an_estimate_is_made_anew(run: Run) -> None:
    keep_state(run, EtaState(plan=TrainingPlan(logging_steps=500)))
    text, versions = b"", set()
    for step in range(10, 50, 1):
        run.world.clock.advance(4)
        text += bar(step)
        run.write("1/stderr.log", text)
        run.look()
        versions.add(run.world.job(run.job_id).version)
    assert len(versions) <= 7


def test_a_bar_of_a_job_without_a_schedule_says_nothing(run: Run) -> None:
    with transaction(run.sessions) as session:
        session.execute(update(Attempt).values(eta_state=None))
    run.write("1/stderr.log", bar(10))
    run.look()
    assert run.world.job(run.job_id).current_steps is None


def test_a_record_of_an_end_that_is_none_is_told_of_once_and_ends_nothing(run: Run) -> None:
    run.write("1/exit", b"slurm_job_id=100\nrestart=0\nnode=n1\nepoch=999999999999999999\nexit_code=0\n")
    assert [run.look(), run.look()] == [JobStatus.RUNNING, JobStatus.RUNNING]
    assert warnings(run) == [{"code": "set_aside", "attempt": 1, "file": "exit"}]


def test_files_that_no_run_leaves_are_told_and_change_no_end(run: Run) -> None:
    run.end(0)
    listing = run.cluster.files[f"{run.folder}/1/files"]
    run.write("1/files", listing * 2 + b"9223372036854775808 1795877246 a\0" + b"1 99999999999999 b\0")
    run.write("1/resumed", b"step=99999999999\n")
    run.write("output/all_results.json", b'{"train_loss": "\\u0000"}')
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.SUCCEEDED
    assert sorted(one["file"] for one in warnings(run)) == ["all_results.json", "files", "resumed"]


def test_what_an_interrupted_run_says_of_its_steps_is_no_text_of_its_own(run: Run) -> None:
    run.end(0, kind="jit_sigterm")
    state = run.cluster.files[f"{run.folder}/output/trainer_state.json"]
    run.write("output/trainer_state.json", state.replace(b'"global_step": ', b'"global_step": "\\u0000",\n"x": '))
    run.slurm_says("COMPLETED")
    assert run.look() is JobStatus.FAILED
    failure = run.world.job(run.job_id).failure
    assert failure
    assert "\x00" not in failure["message"]


@pytest.fixture
def half_way(run: Run) -> Run:
    """Fifty of a hundred steps of three seconds each are logged."""
    lines = b"".join(LINE % (step, 100, b"0:%02d:%02d" % divmod(3 * step, 60)) for step in range(10, 60, 10))
    run.write("output/trainer_log.jsonl", lines)
    run.look()
    return run


def test_while_nothing_is_logged_the_estimate_is_made_anew_now_and_then(half_way: Run) -> None:
    first = half_way.world.job(half_way.job_id)
    assert (first.eta_seconds, first.expected_end_at, first.elapsed_seconds) != (None, None, None)
    for _ in range(14):
        half_way.world.clock.advance(1)
        half_way.look()
    assert half_way.world.job(half_way.job_id).version == first.version
    half_way.world.clock.advance(1)
    half_way.look()
    half_way.look()
    later = half_way.world.job(half_way.job_id)
    assert later.version == first.version + 1
    assert first.eta_seconds == pytest.approx((later.eta_seconds or 0) + 15)
    assert later.elapsed_seconds == pytest.approx((first.elapsed_seconds or 0) + 15)
    assert later.expected_end_at == first.expected_end_at, "the next line is not due yet"
    assert (later.observed_at, later.progress_at) == (half_way.world.clock(), first.progress_at)


@pytest.mark.parametrize("grows", [True, False], ids=["the bar of an evaluation moves", "nothing moves"])
def test_the_expected_end_moves_on_while_a_line_is_late(half_way: Run, *, grows: bool) -> None:
    ends = []
    for hour in range(1, 4):
        half_way.world.clock.advance(3600)
        if grows:
            half_way.write("1/stdout.log", b"%d%%\r" * hour)
        half_way.look()
        job = half_way.world.job(half_way.job_id)
        assert job.expected_end_at
        assert job.expected_end_at > half_way.world.clock() + timedelta(seconds=100)
        ends.append(job.expected_end_at)
    assert [end - ends[0] for end in ends] == [timedelta(hours=hours) for hours in range(3)]


def test_of_a_log_that_cannot_be_seen_nothing_is_said_anew(half_way: Run) -> None:
    version = half_way.world.job(half_way.job_id).version
    half_way.cluster.files.clear()
    half_way.world.clock.advance(3600)
    half_way.look()
    assert half_way.world.job(half_way.job_id).version == version


def test_a_clock_that_was_set_back_keeps_no_estimate(half_way: Run) -> None:
    half_way.world.clock.advance(-3600)
    half_way.look()
    job = half_way.world.job(half_way.job_id)
    assert job.expected_end_at
    assert job.expected_end_at < half_way.world.clock() + timedelta(seconds=300)
