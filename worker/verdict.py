"""What one cycle's answers mean for one job: known, ended, missing, or cannot tell. Pure.

Trust in order: the job's own exit record, squeue, sacct; and "gone" only after several polls and minutes of silence.
One empty answer has ended live jobs in other systems; here it ends none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tuning.jobs.live import LiveAttempt
from tuning.jobs.status import JobStatus
from tuning.moments import moment
from tuning.slurm.cluster import AccountedJob, QueuedJob
from tuning.slurm.records import ExitRecord
from tuning.slurm.states import Phase, StateMeaning, accounted_meaning, meaning_of

MISSING_POLLS = 3
MISSING_TIME = timedelta(minutes=2)
RECORD_GRACE = timedelta(seconds=15)
"""How long Slurm may say "ended" before the job's own record is given up: network file systems show new files late."""
RETURN_GRACE = timedelta(seconds=60)
"""The same for states after which Slurm may start the job again under its old id."""


@dataclass(frozen=True)
class Seen:
    """Everything that this cycle learned of one job."""

    now: datetime
    queue_answered: bool
    queued: QueuedJob | None
    accounted: AccountedJob | None
    exit_record: ExitRecord | None
    has_grown: bool
    """A log of it grew since the last cycle: somebody is alive there."""
    clock_ahead_seconds: float = 0.0
    """The cluster's clock less ours."""


@dataclass(frozen=True)
class Waits:
    """Slurm has it in its queue."""

    slurm_state: str
    slurm_reason: str | None
    expected_start_at: datetime | None


@dataclass(frozen=True)
class Runs:
    """Slurm runs it (or has paused it, or is about to let go of it)."""

    slurm_state: str
    slurm_reason: str | None
    started_at: datetime
    nodes: str | None


@dataclass(frozen=True)
class Ending:
    """Slurm says that it has ended, and the exit record may still be on its way."""

    slurm_state: str


@dataclass(frozen=True)
class Ended:
    """It has ended; what that means is for tuning.llamafactory.outcome to judge."""

    slurm_state: str | None
    word: str | None
    """Slurm's meaning in a plain word (timeout, out_of_memory, cancelled, ...); None when only the record tells."""
    exit_record: ExitRecord | None
    finished_at: datetime
    nodes: str | None


@dataclass(frozen=True)
class Missing:
    """Slurm does not know it, for this many polls in a row."""

    since: datetime
    polls: int


@dataclass(frozen=True)
class CannotTell:
    """No answer, or answers that contradict each other: everything stays as it is."""


Verdict = Waits | Runs | Ending | Ended | Missing | CannotTell


def decide(attempt: LiveAttempt, seen: Seen) -> Verdict:
    """The verdict on one job."""
    queued_meaning = meaning_of(seen.queued.state) if seen.queued else None
    if _record_counts(seen, queued_meaning):
        return _by_record(seen)
    if seen.queued is not None:
        return _by_queue(attempt, seen, seen.queued, queued_meaning)
    if not seen.queue_answered:
        return CannotTell()
    if seen.accounted is not None:
        return _by_accounting(attempt, seen, seen.accounted)
    return _missing(attempt, seen)


def _record_counts(seen: Seen, queued_meaning: StateMeaning | None) -> bool:
    """Not while Slurm still has the job with a bad exit: it is about to say why (time limit, memory, cancelled)."""
    if seen.exit_record is None:
        return False
    still_there = queued_meaning is not None and queued_meaning.phase is not Phase.ENDED
    if not still_there:
        return True  # whatever the clocks say: the controller's, by which it started, may be ahead of the node's
    if seen.queued is not None and (seen.queued.start_epoch or 0) > seen.exit_record.finished_epoch:
        return False  # the record of an earlier start of the same Slurm job
    return seen.exit_record.exit_code == 0


def _by_record(seen: Seen) -> Ended:
    record = seen.exit_record
    assert record is not None  # noqa: S101 - _record_counts said so
    state, meaning = _told(seen)
    word = meaning.word if meaning and meaning.phase is Phase.ENDED else None
    finished_at = min(_ours(record.finished_epoch, seen), seen.now)
    return Ended(state, word, record, finished_at, record.node)


def _told(seen: Seen) -> tuple[str | None, StateMeaning | None]:
    if seen.queued is not None:
        return seen.queued.state, meaning_of(seen.queued.state)
    if seen.accounted is not None:
        return seen.accounted.state, accounted_meaning(seen.accounted.state)
    return None, None


def _by_queue(attempt: LiveAttempt, seen: Seen, queued: QueuedJob, meaning: StateMeaning | None) -> Verdict:
    if meaning is None:
        return CannotTell()
    if meaning.phase is Phase.PENDING:
        expected = _ours(queued.start_epoch, seen) if queued.start_epoch else None
        return Waits(queued.state, queued.reason, expected)
    if meaning.phase is Phase.ENDED:
        return _ended_or_ending(attempt, seen, queued.state, meaning, queued.nodes)
    started = _ours(queued.start_epoch, seen) if queued.start_epoch else seen.now
    return Runs(queued.state, queued.reason, started, queued.nodes)


def _by_accounting(attempt: LiveAttempt, seen: Seen, accounted: AccountedJob) -> Verdict:
    meaning = accounted_meaning(accounted.state)
    if meaning is None or meaning.phase is not Phase.ENDED:
        return CannotTell()  # squeue has let go of it and accounting lags behind
    return _ended_or_ending(attempt, seen, accounted.state, meaning, accounted.nodes)


def _ended_or_ending(
    attempt: LiveAttempt, seen: Seen, state: str, meaning: StateMeaning, nodes: str | None
) -> Ended | Ending:
    if seen.has_grown:
        return Ending(state)  # somebody still writes there: the answer may be another job's, or a wrong one
    grace = RETURN_GRACE if meaning.may_return else RECORD_GRACE
    waited = seen.now - attempt.missing_since if attempt.missing_since else timedelta()
    never_ran = attempt.status is JobStatus.PENDING and meaning.word == "cancelled"
    if waited < grace and not never_ran:
        return Ending(state)
    return Ended(state, meaning.word, None, seen.now, nodes)


def _missing(attempt: LiveAttempt, seen: Seen) -> Verdict:
    if seen.has_grown:
        return CannotTell()
    since, polls = attempt.missing_since or seen.now, attempt.missing_polls + 1
    if polls >= MISSING_POLLS and seen.now - since >= MISSING_TIME:
        return Ended(None, "lost", None, seen.now, None)
    return Missing(since, polls)


def _ours(epoch: float, seen: Seen) -> datetime:
    """A moment of the cluster's clock by our own clock; one that no calendar has is now."""
    return moment(epoch - seen.clock_ahead_seconds) or seen.now
