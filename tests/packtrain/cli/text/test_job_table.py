from datetime import UTC, datetime
from typing import Any, cast

import pytest

from packtrain.cli.text.job_table import COLUMNS, detail, job_row, short_ids
from packtrain.schema import Job
from tests.packtrain.stub_server import JOB_ID, job_json

NOON = datetime(2026, 11, 21, 13, tzinfo=UTC)
LATER = "2026-11-21T14:30:00Z"


def _job(status: str, progress: dict[str, Any] | None = None, **columns: Any) -> Job:
    return cast(Job, job_json(progress={"status": status, **(progress or {})}, **columns))


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (_job("queued", {"queue_position": 3}), "place 3"),
        (_job("queued", {"queue_position": 3}, status_reason="data is copied"), "place 3: data is copied"),
        (_job("held", status_reason="by ada"), "by ada"),
        (_job("pending", slurm_reason="Priority"), "Priority"),
        (_job("pending", {"expected_start_at": LATER}, slurm_reason="None"), "starts 14:30"),
        (_job("running"), "starts"),
        (_job("running", {"current_steps": 5}), "step 5"),
        (_job("running", {"current_steps": 5, "total_steps": 9, "eta_seconds": 7500}), "5/9, 2 h left"),
        (_job("running", {"current_steps": 5, "stalled_since": LATER}), "step 5, stands since 14:30"),
        (_job("running", unreachable_since=LATER), "no answer since 14:30"),
        (_job("succeeded", {"loss": 0.51234, "eval_loss": 0.6}), "loss 0.51234  eval 0.6"),
        (_job("succeeded", {"loss": 0.0}, result={"diverged": True}), "diverged"),
        (_job("failed", failure={"code": "cuda_out_of_memory"}), "cuda out of memory"),
        (_job("cancelled", status_reason="cancelled by ada"), "cancelled by ada"),
    ],
)
def test_the_detail_of_a_job_is_that_of_its_status(job: Job, words: str) -> None:
    assert detail(job, NOON) == words


def test_a_row_has_gpus_slurms_number_and_the_time_it_ran() -> None:
    times: dict[str, Any] = {"started_at": "2026-11-21T12:10:00Z", "finished_at": "2026-11-21T12:55:00Z"}
    job = _job("succeeded", None, slurm_job_id=7, resources={"gpus_per_node": 4, "nodes": 2}, **times)
    row = dict(zip((column.name for column in COLUMNS), job_row(job, "job_0", NOON), strict=True))
    assert (row["JOB"], row["GPUS"], row["SLURM"], row["RAN"], row["AGE"]) == ("job_0", "8", "7", "45 min", "1 h")


def test_a_job_that_runs_has_run_until_now() -> None:
    assert "50 min" in job_row(_job("running", started_at="2026-11-21T12:10:00Z"), "job_0", NOON)


def test_short_ids_are_long_enough_to_tell_jobs_apart() -> None:
    ids = [JOB_ID, "job_0123456789zzzzzzzzzz"]
    assert set(short_ids(ids).values()) == {"job_0123456789a", "job_0123456789z"}
    assert short_ids([JOB_ID, JOB_ID]) == {JOB_ID: "job_01234567"}
