"""Four answers, not two: what one cycle's answers mean for one job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.test_tail import attempt
from tuning.jobs.live import LiveAttempt
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import AccountedJob, QueuedJob
from tuning.slurm.records import ExitRecord
from tuning.slurm.states import MEANINGS, Phase
from worker.verdict import CannotTell, Ended, Ending, Missing, Runs, Seen, Waits, decide

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUNNING = attempt()
PENDING = replace(attempt(), status=JobStatus.PENDING, started_at=None)
SILENCE = Seen(now=NOW, queue_answered=True, queued=None, accounted=None, exit_record=None, has_grown=False)


@given(st.floats() | st.integers(-(10**30), 10**30), st.floats())
def test_no_clock_of_the_cluster_leaves_the_calendar(epoch: float, ahead: float) -> None:
    record = ExitRecord(7, 0, "n1", epoch, 0)
    for seen in (
        replace(SILENCE, exit_record=record, clock_ahead_seconds=ahead),
        replace(SILENCE, queued=queued("PENDING", epoch), clock_ahead_seconds=ahead),
        replace(SILENCE, queued=queued("RUNNING", epoch), clock_ahead_seconds=ahead),
    ):
        decide(RUNNING, seen)
    ended = decide(RUNNING, replace(SILENCE, exit_record=record, clock_ahead_seconds=ahead))
    assert isinstance(ended, Ended)
    assert ended.finished_at <= NOW


def queued(state: str, start: float | None = 100.0) -> QueuedJob:
    return QueuedJob(7, state, "Resources", start, "n1", "a-job", "")


def accounted(state: str) -> AccountedJob:
    return AccountedJob(7, state, 1, 100.0, 200.0, "n1")


def record(code: int) -> ExitRecord:
    return ExitRecord(7, 0, "n1", 200.0, code)


def missing_since(one: LiveAttempt, ago: timedelta, polls: int = 3) -> LiveAttempt:
    return replace(one, missing_since=NOW - ago, missing_polls=polls)


def test_a_pending_job_waits_with_slurms_own_reason_and_expectation() -> None:
    verdict = decide(PENDING, replace(SILENCE, queued=queued("PENDING")))
    assert verdict == Waits("PENDING", "Resources", datetime.fromtimestamp(100, UTC))


def test_the_clusters_clock_is_told_by_ours() -> None:
    seen = replace(SILENCE, queued=queued("RUNNING", 1000.0), clock_ahead_seconds=600.0)
    assert decide(PENDING, seen) == Runs("RUNNING", "Resources", datetime.fromtimestamp(400, UTC), "n1")


@pytest.mark.parametrize("state", [name for name, row in MEANINGS.items() if row.phase is Phase.RUNNING])
def test_every_running_state_runs(state: str) -> None:
    assert isinstance(decide(RUNNING, replace(SILENCE, queued=queued(state))), Runs)


@pytest.mark.parametrize("one", [PENDING, RUNNING])
def test_no_answer_tells_nothing(one: LiveAttempt) -> None:
    assert decide(one, replace(SILENCE, queue_answered=False)) == CannotTell()


def test_an_unknown_state_tells_nothing() -> None:
    assert decide(RUNNING, replace(SILENCE, queued=queued("FROM_THE_FUTURE"))) == CannotTell()


def test_the_exit_record_is_the_first_witness() -> None:
    verdict = decide(RUNNING, replace(SILENCE, exit_record=record(0), queued=queued("COMPLETING")))
    assert isinstance(verdict, Ended)
    assert (verdict.exit_record, verdict.word) == (record(0), None)


def test_a_bad_exit_waits_for_slurms_word_on_why() -> None:
    seen = replace(SILENCE, exit_record=record(143), queued=queued("COMPLETING"))
    assert isinstance(decide(RUNNING, seen), Runs)
    verdict = decide(RUNNING, replace(seen, queued=queued("TIMEOUT")))
    assert isinstance(verdict, Ended)
    assert verdict.word == "timeout"


def test_a_bad_exit_of_a_job_that_slurm_forgot_is_an_end() -> None:
    assert isinstance(decide(RUNNING, replace(SILENCE, exit_record=record(1))), Ended)


def test_the_record_of_an_earlier_start_does_not_count() -> None:
    seen = replace(SILENCE, exit_record=record(0), queued=queued("RUNNING", 201.0))
    assert isinstance(decide(RUNNING, seen), Runs)


def test_a_short_job_on_a_node_whose_clock_is_behind_has_left_its_own_record() -> None:
    seen = replace(SILENCE, exit_record=record(0), queued=queued("COMPLETED", 800.0))
    assert isinstance(decide(RUNNING, seen), Ended)


@pytest.mark.parametrize(
    "seen", [replace(SILENCE, queued=queued("FAILED")), replace(SILENCE, accounted=accounted("FAILED"))]
)
def test_an_end_without_a_record_is_believed_after_a_grace(seen: Seen) -> None:
    assert decide(RUNNING, seen) == Ending("FAILED")
    assert decide(missing_since(RUNNING, timedelta(seconds=10)), seen) == Ending("FAILED")
    verdict = decide(missing_since(RUNNING, timedelta(seconds=20)), seen)
    assert isinstance(verdict, Ended)
    assert verdict.word == "failed"


def test_an_end_is_not_believed_while_the_log_grows() -> None:
    long_ago = missing_since(RUNNING, timedelta(hours=1))
    for seen in (replace(SILENCE, queued=queued("CANCELLED")), replace(SILENCE, accounted=accounted("COMPLETED"))):
        assert isinstance(decide(long_ago, replace(seen, has_grown=True)), Ending)
        assert isinstance(decide(long_ago, seen), Ended)


def test_what_slurm_may_start_again_gets_a_longer_grace() -> None:
    seen = replace(SILENCE, queued=queued("NODE_FAIL"))
    assert decide(missing_since(RUNNING, timedelta(seconds=50)), seen) == Ending("NODE_FAIL")
    assert isinstance(decide(missing_since(RUNNING, timedelta(seconds=61)), seen), Ended)


def test_a_cancelled_job_that_never_ran_has_ended_at_once() -> None:
    verdict = decide(PENDING, replace(SILENCE, queued=queued("CANCELLED")))
    assert isinstance(verdict, Ended)
    assert verdict.word == "cancelled"


@pytest.mark.parametrize(("state", "word"), [("CANCELLED by 1000", "cancelled"), ("CANCELLED", "node_fail")])
def test_what_nobody_cancelled_was_lost_by_the_controller(state: str, word: str) -> None:
    seen = replace(SILENCE, accounted=accounted(state))
    for one in (seen, replace(seen, exit_record=record(143))):
        verdict = decide(missing_since(RUNNING, timedelta(seconds=61)), one)
        assert isinstance(verdict, Ended)
        assert verdict.word == word


def test_accounting_that_lags_behind_tells_nothing() -> None:
    assert decide(RUNNING, replace(SILENCE, accounted=accounted("RUNNING"))) == CannotTell()


def test_a_vanished_job_is_given_up_after_three_polls_and_two_minutes() -> None:
    assert decide(RUNNING, SILENCE) == Missing(NOW, 1)
    soon = missing_since(RUNNING, timedelta(seconds=100), polls=50)
    assert isinstance(decide(soon, SILENCE), Missing)
    few = missing_since(RUNNING, timedelta(hours=5), polls=1)
    assert isinstance(decide(few, SILENCE), Missing)
    verdict = decide(missing_since(RUNNING, timedelta(minutes=2), polls=2), SILENCE)
    assert isinstance(verdict, Ended)
    assert verdict.word == "lost"


def test_a_vanished_job_whose_log_grows_is_alive() -> None:
    long_gone = missing_since(RUNNING, timedelta(hours=1))
    assert decide(long_gone, replace(SILENCE, has_grown=True)) == CannotTell()


@given(
    answered=st.booleans(),
    state=st.sampled_from([None, *MEANINGS, "ODD"]),
    sacct=st.sampled_from([None, *MEANINGS, "ODD"]),
    grown=st.booleans(),
    running=st.booleans(),
)
def test_one_look_at_a_running_job_never_ends_it_without_its_own_record(
    answered: bool, state: str | None, sacct: str | None, grown: bool, running: bool
) -> None:
    seen = Seen(
        now=NOW,
        queue_answered=answered,
        queued=queued(state) if state and answered else None,
        accounted=accounted(sacct) if sacct else None,
        exit_record=None,
        has_grown=grown,
    )
    verdict = decide(RUNNING if running else PENDING, seen)
    never_ran = not running and isinstance(verdict, Ended) and verdict.word == "cancelled"
    assert never_ran or not isinstance(verdict, Ended)
