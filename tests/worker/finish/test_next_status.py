"""What becomes of a job whose attempt is over."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tuning.jobs.attempt.continuation import EndedAttempt
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.llamafactory.outcome.end import Outcome
from tuning.llamafactory.outcome.failure import Failure
from worker.finish.next_status import NextStep, next_step
from worker.observe.judgement import Ended

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FAILED = Outcome(
    "failed", Failure("timeout", "the time limit was reached", None, ("CANCELLED DUE TO TIME LIMIT",)), {}, False
)
SUCCEEDED = Outcome("succeeded", None, {}, False)
SAVED = EndedAttempt(1, "completed", 0, was_stopped=True, was_asked_by_us=True, resumed_step=0, newest_step=40)
CUT = EndedAttempt(1, "timeout", 143, was_stopped=False, was_asked_by_us=False, resumed_step=0, newest_step=40)
ON_ALL = {"max_attempts": 2, "on": ["timeout", "preempted", "node_fail"]}


def step(ended: EndedAttempt, judged: Outcome = FAILED, **wishes: Any) -> NextStep:
    job = Job(id="job_1", kind=wishes.pop("kind", "train"), **wishes)
    judgement = Ended(ended.slurm and ended.slurm.upper(), ended.slurm, None, NOW, "n1")
    return next_step(job, judgement, judged, ended)


def test_a_hold_is_a_pause_that_says_where_it_goes_on() -> None:
    found = step(SAVED, hold_requested_at=NOW)
    assert (found.status, found.ended_by, found.failure) == (JobStatus.HELD, "held", None)
    assert "checkpoint 40" in found.reason


def test_a_pending_job_that_is_held_was_cancelled_in_slurm_for_it() -> None:
    never_ran = EndedAttempt(1, "cancelled", None, False, False, 0, None)
    assert step(never_ran, hold_requested_at=NOW).status is JobStatus.HELD


def test_a_hold_makes_no_pause_of_a_failure() -> None:
    crashed = EndedAttempt(1, "failed", 1, False, True, 0, 40)
    assert step(crashed, hold_requested_at=NOW).status is JobStatus.FAILED


def test_a_wish_to_cancel_weighs_more_than_going_on_and_less_than_success() -> None:
    assert step(CUT, cancel_requested_at=NOW, continuation=ON_ALL).status is JobStatus.CANCELLED
    assert step(CUT, SUCCEEDED, cancel_requested_at=NOW).status is JobStatus.SUCCEEDED


def test_it_goes_on_where_it_may() -> None:
    found = step(CUT, continuation=ON_ALL)
    assert (found.status, found.ended_by) == (JobStatus.QUEUED, "timeout")
    assert found.reason == "attempt 1: the time limit was reached; it goes on from checkpoint 40"


def test_what_may_not_go_on_says_why_and_keeps_the_evidence() -> None:
    found = step(replace(CUT, number=2), continuation=ON_ALL)
    assert found.failure
    assert (found.status, found.failure.code) == (JobStatus.FAILED, "timeout")
    assert "attempt 2 of 2" in found.reason
    assert found.failure.evidence == ("CANCELLED DUE TO TIME LIMIT",)


def test_a_check_that_refuses_its_data_says_so() -> None:
    assert "refuses it" in step(CUT, Outcome("succeeded", None, {"findings": 1}, False), kind="check").reason
    assert step(CUT, Outcome("succeeded", None, {"rows": 3}, False), kind="check").reason == "finished"


@pytest.mark.parametrize("slurm", ["cancelled", "failed", None])
def test_an_ended_stalled_run_is_nobody_elses_cancellation(slurm: str | None) -> None:
    stalled = replace(CUT, slurm=slurm, had_stalled=True)
    assert step(stalled).status is JobStatus.QUEUED
    found = step(replace(stalled, resumed_step=40))
    assert found.failure
    assert (found.status, found.failure.code) == (JobStatus.FAILED, "stalled")
    assert "it stood still and was ended" in found.reason


def test_a_run_that_saved_in_time_has_no_lines_that_show_its_end() -> None:
    found = step(replace(SAVED, was_asked_by_us=False))
    assert found.failure
    assert (found.failure.code, found.failure.evidence) == ("timeout", ())


@pytest.mark.parametrize("kind", ["export", "predict", "check"])
def test_other_kinds_go_on_only_when_they_left_nothing(kind: str) -> None:
    lost = EndedAttempt(1, "node_fail", None, False, False, 0, None)
    assert step(lost, kind=kind).status is JobStatus.QUEUED
    assert step(replace(CUT, slurm="node_fail"), kind=kind).status is JobStatus.FAILED


def test_somebody_elses_scancel_is_said_to_be_theirs() -> None:
    found = step(EndedAttempt(1, "cancelled", 143, False, False, 0, None))
    assert (found.status, "somebody else" in found.reason) == (JobStatus.CANCELLED, True)
