from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packtrain.cli.text.job_text import attempt_lines, ending, measures, status_line, steps, time_left
from packtrain.schema import Job, Progress
from tests.packtrain.stub_server import JOB_ID, job_json, progress_json

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STARTED = {"started_at": "2026-11-21T11:50:00Z", "slurm_job_id": 123}


def _line(job: dict[str, Any]) -> str:
    return status_line(cast(Job, job), NOON)


@pytest.mark.parametrize(
    ("job", "line"),
    [
        (job_json(progress={"queue_position": 3}), "queued, place 3 in our queue"),
        (job_json(progress={"status": "held", "queue_position": 3}), "held"),
        (
            job_json(progress={"status": "pending"}, slurm_job_id=123, slurm_reason="Resources"),
            "pending in Slurm's queue on lab as 123: Resources",
        ),
        (
            job_json(
                progress={"status": "pending", "expected_start_at": "2026-11-21T13:30:00Z"},
                slurm_job_id=123, slurm_reason="None",
            ),
            "pending in Slurm's queue on lab as 123, expected to start about 13:30",
        ),
        (job_json(progress={"status": "running"}, **STARTED), "running on lab as Slurm job 123, since 11:50"),
        (
            job_json(progress={"status": "running", "stalled_since": "2026-11-21T11:55:00Z"}, **STARTED, attempt=2),
            "running on lab as Slurm job 123, attempt 2, since 11:50, no new step since 11:55",
        ),
        (
            job_json(cancel_requested_at="2026-11-21T11:55:00Z", unreachable_since="2026-11-21T11:40:00Z"),
            "queued, to be cancelled, the cluster has not answered since 11:40",
        ),
        (
            job_json(progress={"status": "running", "unattended_since": "2026-11-21T11:40:00Z"}, **STARTED),
            "running on lab as Slurm job 123, since 11:50, as last seen: no worker drives the cluster since 11:40",
        ),
        (job_json(progress={"status": "cancelled"}, status_reason="by alice"), "cancelled: by alice"),
    ],
)  # fmt: skip
def test_the_status_line_says_where_a_job_stands_and_why(job: dict[str, Any], line: str) -> None:
    assert _line(job) == line


def test_progress_in_words() -> None:
    progress = cast(Progress, progress_json(
        current_steps=45, total_steps=90, percentage=50.0, epoch=1.0, loss=2.20314159, eval_loss=2.1,
        learning_rate=2.6e-5, tokens_per_second=1234.5, eta_seconds=540.0, eta_low_seconds=420.0,
        eta_high_seconds=720.0, expected_end_at="2026-11-21T12:09:00Z",
    ))  # fmt: skip
    assert steps(progress) == "45/90 steps  50 %  epoch 1.00"
    assert measures(progress) == "loss 2.2031  eval loss 2.1  lr 2.6e-05  1,234 tokens/s"
    assert time_left(progress, NOON) == "9 min left (7 min to 12 min), done about 12:09"


def test_what_is_not_known_is_not_said() -> None:
    progress = cast(Progress, progress_json(current_steps=5))
    assert steps(progress) == "5 steps"
    assert measures(progress) == ""
    assert time_left(progress, NOON) is None
    assert steps(cast(Progress, progress_json())) is None


def test_a_success_ends_with_its_times_and_numbers() -> None:
    times = {"started_at": "2026-11-21T12:00:30Z", "finished_at": "2026-11-21T12:00:44Z"}
    job = job_json(progress={"status": "succeeded"}, **times, result={"train_loss": 2.5, "steps": 90, "more": {"a": 1}})
    assert ending(cast(Job, job)) == [
        f"{JOB_ID} succeeded after 14 s (and 30 s of waiting)",
        "  train_loss  2.5",
        "  steps       90",
    ]


@pytest.mark.parametrize(("reason", "told"), [("finished", []), ("finished early", ["  finished early"])])
def test_a_success_says_its_reason_where_that_says_more(reason: str, told: list[str]) -> None:
    job = job_json(progress={"status": "succeeded"}, status_reason=reason)
    assert ending(cast(Job, job)) == [f"{JOB_ID} succeeded", *told]


def test_a_failure_ends_with_its_cause_its_cure_and_its_evidence() -> None:
    failure = {
        "code": "out_of_memory",
        "message": "CUDA ran out of memory",
        "hint": "halve the batch",
        "evidence": ["x.py: OOM"],
    }
    job = job_json(progress={"status": "failed"}, failure=failure)
    assert ending(cast(Job, job)) == [
        f"{JOB_ID} failed",
        "  CUDA ran out of memory",
        "    -> halve the batch",
        "  | x.py: OOM",
    ]


def test_attempts_are_told_where_there_are_several() -> None:
    first = {
        "number": 1, "nodes": "n1", "first_step": 1, "last_step": 95, "resumed_step": 0, "ended_by": "timeout",
    }  # fmt: skip
    second = {**first, "number": 2, "resumed_step": 98, "first_step": 100, "last_step": None, "ended_by": None}
    assert attempt_lines(cast(Job, job_json(attempts=[first]))) == []
    assert attempt_lines(cast(Job, job_json(attempts=[first, {**second, "last_step": 140}]))) == [
        "attempt 1 on n1, steps 1 to 95, timeout",
        "attempt 2 on n1, from checkpoint 98, steps 100 to 140",
    ]
    waiting = {**second, "number": 2, "nodes": None, "resumed_step": None, "first_step": None}
    assert attempt_lines(cast(Job, job_json(attempts=[first, waiting])))[1] == "attempt 2 on its way"
