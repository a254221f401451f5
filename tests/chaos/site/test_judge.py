"""The judgement complains of what must never happen, and of nothing else."""

from dataclasses import replace

import pytest

from tests.chaos.site.judge import Expected, Witnesses, check
from tests.chaos.site.stand_in import Line
from tests.chaos.witness import JobRow, SlurmJob

ROW = JobRow("job_a", "trial-1-0", "succeeded", "finished", 1, 7, None)
RAN = SlurmJob(7, "job_a-1-token", "COMPLETED", 0, True)
BEGIN, END = Line("begin", "job_a", 1, 7), Line("end", "job_a", 1, 7)
WELL = Witnesses(ROW, ("job.queued", "job.running", "job.succeeded"), (BEGIN, END), (RAN,), {1: "7"})
WANTED = Expected("job_a")


def complaints(found: Witnesses, wanted: Expected = WANTED) -> str:
    return "\n".join(check(wanted, found))


def test_a_job_that_ended_once_is_well() -> None:
    assert complaints(WELL) == ""


def test_a_double_that_was_refused_is_well() -> None:
    refused = SlurmJob(8, "job_a-1-other", "FAILED", 75, True)
    assert complaints(replace(WELL, slurm_jobs=(RAN, refused))) == ""


def test_a_double_that_accounting_holds_to_wait_for_ever_is_well() -> None:
    """The controller forgot it."""
    assert complaints(replace(WELL, slurm_jobs=(RAN, SlurmJob(6, "job_a-1-first", "PENDING", 0, False)))) == ""


def test_a_job_without_a_row_is_lost() -> None:
    assert "is lost" in complaints(replace(WELL, row=None))


@pytest.mark.parametrize("status", ["failed", "cancelled", "running", "queued"])
def test_another_end_than_the_true_one_is_told(status: str) -> None:
    assert f"ended as {status}" in complaints(replace(WELL, row=replace(ROW, status=status)))


def test_a_success_that_tells_of_a_failure_is_told() -> None:
    assert "tells of a failure" in complaints(replace(WELL, row=replace(ROW, failure='{"code": "lost"}')))


@pytest.mark.parametrize("corrected", ["job.corrected", "job.succeeded"])
def test_an_end_that_was_corrected_is_told_where_it_must_not_be_wrong(corrected: str) -> None:
    found = replace(WELL, events=("job.failed", corrected))
    assert "2 times" in complaints(found)
    assert complaints(found, replace(WANTED, may_be_corrected=True)) == ""


def test_a_history_that_ends_otherwise_is_told() -> None:
    assert "in the history" in complaints(replace(WELL, events=("job.running",)))


def test_runs_at_the_same_time_are_told() -> None:
    assert "same time" in complaints(replace(WELL, lines=(BEGIN, Line("twice", "job_a", 1, 7), END)))


def test_a_second_run_is_told_where_there_must_be_but_one() -> None:
    lines = (BEGIN, replace(BEGIN, attempt=2, slurm_job_id=8), replace(END, attempt=2, slurm_job_id=8))
    found = Witnesses(replace(ROW, attempt=2, slurm_job_id=8), WELL.events, lines, (RAN,), {1: "7", 2: "8"})
    assert "began 2 times" in complaints(found)
    assert complaints(found, replace(WANTED, runs=frozenset({2}))) == ""


def test_a_training_that_was_done_twice_is_told() -> None:
    assert "done 2 times" in complaints(replace(WELL, lines=(BEGIN, END, END)))


def test_a_success_without_a_training_is_told() -> None:
    assert "done 0 times" in complaints(replace(WELL, lines=(BEGIN,)))


def test_a_cancelled_job_whose_training_was_done_is_told() -> None:
    found = replace(WELL, row=replace(ROW, status="cancelled"), events=("job.cancelled",))
    assert "done 1 times" in complaints(found, replace(WANTED, status="cancelled"))


def test_another_number_than_that_of_the_run_is_told() -> None:
    assert "the database says 9" in complaints(replace(WELL, row=replace(ROW, slurm_job_id=9)))


def test_a_run_without_the_claim_is_told() -> None:
    assert "without the claim" in complaints(replace(WELL, claims={1: "9"}))


def test_a_job_that_slurm_still_has_is_told() -> None:
    assert "still in Slurm's queue" in complaints(replace(WELL, slurm_jobs=(replace(RAN, is_queued=True),)))


def test_a_double_that_was_not_refused_is_told() -> None:
    assert "beside the run" in complaints(
        replace(WELL, slurm_jobs=(RAN, SlurmJob(8, "job_a-1-other", "FAILED", 1, True)))
    )
    assert "no training of it" in complaints(replace(WELL, slurm_jobs=(RAN, replace(RAN, id=8, name="job_a-1-other"))))
