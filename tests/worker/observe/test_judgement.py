"""Four answers, not two: what one cycle's answers mean for one job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.live_attempts import attempt
from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.status import JobStatus
from tuning.slurm.answers import ABANDONED, AccountedJob, AttemptLook, QueuedJob
from tuning.slurm.attempt_records import ExitRecord
from tuning.slurm.states import MEANINGS, Phase
from worker.observe.judgement import (
    MISSING_TIME,
    CannotTell,
    Claimed,
    Elsewhere,
    Ended,
    Ending,
    Forgotten,
    Judgement,
    Missing,
    Runs,
    Seen,
    Unbegun,
    Waits,
    decide,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUNNING = attempt()
PENDING = replace(attempt(), status=JobStatus.PENDING, started_at=None)
CANCELLED = replace(PENDING, cancel_requested_at=NOW)
OWNED = AttemptLook("7")
SILENCE = Seen(now=NOW, queue_answered=True, queued=None, accounted=None, exit_record=None, has_grown=False, look=OWNED)


@given(st.floats() | st.integers(-(10**30), 10**30), st.floats())
def test_no_clock_of_the_cluster_leaves_the_calendar(epoch: float, ahead: float) -> None:
    record = ExitRecord(7, 0, "n1", epoch, 0)
    for seen in (
        replace(SILENCE, exit_record=record, clock_ahead_seconds=ahead),
        replace(SILENCE, queued=queued("PENDING", epoch), clock_ahead_seconds=ahead),
        replace(SILENCE, queued=queued("RUNNING", epoch), clock_ahead_seconds=ahead),
    ):
        decide(RUNNING, seen)
    ended = decide(
        missing_since(RUNNING, timedelta(seconds=2), polls=1),
        replace(SILENCE, exit_record=record, clock_ahead_seconds=ahead),
    )
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
    judgement = decide(PENDING, replace(SILENCE, queued=queued("PENDING")))
    assert judgement == Waits("PENDING", "Resources", datetime.fromtimestamp(100, UTC))


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
    judgement = decide(RUNNING, replace(SILENCE, exit_record=record(0), queued=queued("COMPLETING")))
    assert isinstance(judgement, Ended)
    assert (judgement.exit_record, judgement.word) == (record(0), None)


def test_a_bad_exit_waits_for_slurms_word_on_why() -> None:
    seen = replace(SILENCE, exit_record=record(143), queued=queued("COMPLETING"))
    assert isinstance(decide(RUNNING, seen), Runs)
    judgement = decide(RUNNING, replace(seen, queued=queued("TIMEOUT")))
    assert isinstance(judgement, Ended)
    assert judgement.word == "timeout"


def test_a_bad_exit_of_a_forgotten_job_is_an_end_at_the_second_look() -> None:
    seen = replace(SILENCE, exit_record=record(1))
    assert decide(RUNNING, seen) == Missing(NOW, 1)
    assert isinstance(decide(missing_since(RUNNING, timedelta(seconds=2), polls=1), seen), Ended)


def test_the_record_of_an_earlier_start_does_not_count() -> None:
    seen = replace(SILENCE, exit_record=record(0), queued=queued("RUNNING", 201.0))
    assert isinstance(decide(RUNNING, seen), Runs)


def test_a_short_job_on_a_node_with_a_late_clock_left_its_own_record() -> None:
    seen = replace(SILENCE, exit_record=record(0), queued=queued("COMPLETED", 800.0))
    assert isinstance(decide(RUNNING, seen), Ended)


@pytest.mark.parametrize(
    "seen", [replace(SILENCE, queued=queued("FAILED")), replace(SILENCE, accounted=accounted("FAILED"))]
)
def test_an_end_without_a_record_is_believed_after_a_grace(seen: Seen) -> None:
    assert decide(RUNNING, seen) == Ending("FAILED")
    assert decide(missing_since(RUNNING, timedelta(seconds=10)), seen) == Ending("FAILED")
    judgement = decide(missing_since(RUNNING, timedelta(seconds=20)), seen)
    assert isinstance(judgement, Ended)
    assert judgement.word == "failed"


def test_an_end_is_not_believed_while_the_log_grows() -> None:
    long_ago = missing_since(RUNNING, timedelta(hours=1))
    for seen in (replace(SILENCE, queued=queued("CANCELLED")), replace(SILENCE, accounted=accounted("COMPLETED"))):
        assert isinstance(decide(long_ago, replace(seen, has_grown=True)), Ending)
        assert isinstance(decide(long_ago, seen), Ended)


def test_what_slurm_may_start_again_gets_a_longer_grace() -> None:
    seen = replace(SILENCE, queued=queued("NODE_FAIL"))
    assert decide(missing_since(RUNNING, timedelta(seconds=50)), seen) == Ending("NODE_FAIL")
    assert isinstance(decide(missing_since(RUNNING, timedelta(seconds=61)), seen), Ended)


@pytest.mark.parametrize(("one", "nodes"), [(PENDING, None), (CANCELLED, None), (CANCELLED, "n1")])
def test_a_cancelled_job_that_never_ran_has_ended_at_once(one: LiveAttempt, nodes: str | None) -> None:
    judgement = decide(one, replace(SILENCE, queued=replace(queued("CANCELLED"), nodes=nodes)))
    assert isinstance(judgement, Ended)
    assert judgement.word == "cancelled"


@pytest.mark.parametrize(("state", "word"), [("CANCELLED by 1000", "cancelled"), ("CANCELLED", "node_fail")])
def test_what_nobody_cancelled_was_lost_by_the_controller(state: str, word: str) -> None:
    seen = replace(SILENCE, accounted=accounted(state))
    for one in (seen, replace(seen, exit_record=record(143))):
        judgement = decide(missing_since(RUNNING, timedelta(seconds=61)), one)
        assert isinstance(judgement, Ended)
        assert judgement.word == word


def test_accounting_that_lags_behind_tells_nothing() -> None:
    assert decide(RUNNING, replace(SILENCE, accounted=accounted("RUNNING"))) == Missing(NOW, 1)


def test_a_vanished_job_is_given_up_after_three_polls_and_its_silence() -> None:
    assert decide(RUNNING, SILENCE) == Missing(NOW, 1)
    soon = missing_since(RUNNING, timedelta(minutes=14), polls=50)
    assert isinstance(decide(soon, SILENCE), Missing)
    few = missing_since(RUNNING, timedelta(hours=5), polls=1)
    assert isinstance(decide(few, SILENCE), Missing)
    judgement = decide(missing_since(RUNNING, timedelta(minutes=15), polls=2), SILENCE)
    assert isinstance(judgement, Ended)
    assert judgement.word == "lost"


@pytest.mark.parametrize(("quiet", "minutes"), [(-10, 2), (30, 30), (600, 60)])
def test_how_long_a_vanished_run_may_be_silent_is_told_by_its_own_lines(quiet: int, minutes: int) -> None:
    for waited, kind in ((minutes - 1, Missing), (minutes, Ended)):
        one = missing_since(RUNNING, timedelta(minutes=waited))
        since = one.missing_since or NOW
        assert isinstance(decide(replace(one, quiet_until=since + timedelta(minutes=quiet)), SILENCE), kind)


@pytest.mark.parametrize(
    ("minutes_ago", "kind"), [(1, Missing), (14, Missing), (16, Ended), (-1, Ended), (-(10**9), Ended)]
)
def test_a_vanished_run_lives_while_it_writes_files(minutes_ago: int, kind: type[Judgement]) -> None:
    gone = missing_since(RUNNING, timedelta(hours=1))
    ahead = 600.0
    written = NOW.timestamp() + ahead - 60 * minutes_ago
    listing = "\0".join(("9 1.0 old", f"9 {written} checkpoint-5/model.safetensors", ""))
    look = AttemptLook("7", listing=listing.encode())
    seen = replace(SILENCE, look=look, clock_ahead_seconds=ahead)
    assert isinstance(decide(gone, seen), kind)
    assert isinstance(decide(replace(gone, cancel_requested_at=NOW), seen), Ended)


def test_a_vanished_run_that_is_to_be_cancelled_is_given_up_sooner() -> None:
    one = replace(missing_since(RUNNING, timedelta(minutes=2)), cancel_requested_at=NOW)
    assert isinstance(decide(one, SILENCE), Ended)


def test_a_vanished_job_whose_log_grows_is_alive() -> None:
    long_gone = missing_since(RUNNING, timedelta(hours=1))
    assert decide(long_gone, replace(SILENCE, has_grown=True)) == Missing(NOW, 0)


@pytest.mark.parametrize("one", [PENDING, RUNNING])
@pytest.mark.parametrize(
    ("seen", "given_up"),
    [(SILENCE, Forgotten()), (replace(SILENCE, queued=queued("FAILED")), Unbegun("FAILED", "n1"))],
)
def test_whoever_owns_the_claim_counts(one: LiveAttempt, seen: Seen, given_up: Judgement) -> None:
    gone = missing_since(one, timedelta(hours=1))
    assert decide(gone, replace(seen, look=AttemptLook("8"))) == Elsewhere(8)
    assert decide(gone, replace(seen, look=AttemptLook(ABANDONED))) == given_up


def test_slurms_exit_code_counts_where_the_script_came_to_its_end() -> None:
    for state, code in {"COMPLETED": 0, "FAILED": 1, "TIMEOUT": None, "CANCELLED by 7": None}.items():
        judgement = decide(missing_since(RUNNING, timedelta(hours=1)), replace(SILENCE, accounted=accounted(state)))
        assert isinstance(judgement, Ended)
        assert judgement.exit_code == code


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
    judgement = decide(RUNNING if running else PENDING, seen)
    never_ran = not running and isinstance(judgement, Ended) and judgement.word == "cancelled"
    assert never_ran or not isinstance(judgement, Ended)


STATES = st.sampled_from([None, *MEANINGS, "ODD"])


class Story:
    """A job of which Slurm, accounting, its record and its claim say whatever they like, cycle after cycle."""

    def __init__(self, status: JobStatus) -> None:
        self.attempt = replace(RUNNING, status=status, missing_since=None, missing_polls=0)
        self.now = NOW

    def look(self, answered: bool, state: str | None, sacct: str | None, seen: Seen) -> Judgement:
        """One cycle; what the ledger would keep of it is kept."""
        judgement = decide(
            self.attempt,
            replace(
                seen,
                now=self.now,
                queue_answered=answered,
                queued=queued(state) if state and answered else None,
                accounted=accounted(sacct) if sacct else None,
            ),
        )
        since, polls = self.attempt.missing_since, self.attempt.missing_polls
        match judgement:
            case Missing(since=at, polls=count):
                since, polls = at, count
            case Ending():
                since, polls = since or self.now, polls + 1
            case Waits() | Runs():
                since, polls = None, 0
        self.attempt = replace(self.attempt, missing_since=since, missing_polls=polls)
        return judgement


@given(
    status=st.sampled_from([JobStatus.PENDING, JobStatus.RUNNING]),
    cycles=st.lists(
        st.tuples(
            st.booleans(),
            STATES,
            STATES,
            st.sampled_from([None, record(0), record(1)]),
            st.sampled_from([None, *(AttemptLook(claim) for claim in (None, "", "7", "8", ABANDONED, "odd"))]),
            st.booleans(),
            st.integers(1, 7200),
        ),
        max_size=12,
    ),
)
def test_no_story_ends_a_job_without_evidence_or_submits_what_may_run(
    status: JobStatus,
    cycles: list[tuple[bool, str | None, str | None, ExitRecord | None, AttemptLook | None, bool, int]],
) -> None:
    story = Story(status)
    for answered, state, sacct, exit_record, look, grown, seconds in cycles:
        before = story.attempt
        seen = replace(SILENCE, exit_record=exit_record, look=look, has_grown=grown)
        judgement = story.look(answered, state, sacct, seen)
        ongoing = state in MEANINGS and MEANINGS[state].phase is not Phase.ENDED if state and answered else False
        if isinstance(judgement, Forgotten | Unbegun):
            assert look is not None
            assert look.is_abandoned, "only what can never train is submitted again"
            assert not ongoing
        if isinstance(judgement, Claimed):
            assert look is not None
            assert look.claim
        if isinstance(judgement, Ended):
            is_completing = state == "COMPLETING" and exit_record is not None and exit_record.exit_code == 0
            assert answered
            assert not ongoing or is_completing, "what Slurm has is not over"
            told = (state if state else sacct) or ""
            has_ended = told in MEANINGS and MEANINGS[told].phase is Phase.ENDED
            waited = story.now - before.missing_since if before.missing_since else timedelta()
            assert exit_record or has_ended or (waited >= MISSING_TIME and not grown)
        story.now += timedelta(seconds=seconds)
