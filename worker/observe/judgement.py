"""The meaning of one cycle's answers for one job: known, ended, missing, or cannot tell. Pure.

Trust in order: squeue, the job's own exit record, sacct, the claim on the attempt. What a run leaves is a stranger's
word: a job that Slurm runs is running. "Gone" only after several polls and minutes of silence: one empty answer has
ended live jobs in other systems; here it ends none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tuning.jobs.queries.driver import LiveAttempt
from tuning.jobs.status import ON_CLUSTER, JobStatus
from tuning.moments import moment
from tuning.slurm.attempt_records import ExitRecord
from tuning.slurm.cluster import AccountedJob, AttemptLook, QueuedJob
from tuning.slurm.states import COMPLETING, Phase, StateMeaning, accounted_meaning, meaning_of
from tuning.ssh.file_listing import parse_files
from worker.submit.launch import LAUNCH_FAILED, is_somebodys_wish, may_be_unbegun

MISSING_POLLS = 3
MISSING_TIME = timedelta(minutes=2)
RECORD_GRACE = timedelta(seconds=15)
"""How long Slurm may say "ended" before the job's own record is given up: network file systems show new files late."""
RETURN_GRACE = timedelta(seconds=60)
"""The same for states after which Slurm may start the job again under its old id."""


CLOSED_TIME = timedelta(minutes=15)
"""How long an end that Slurm tells of waits for folders that are away, or closed to us: in them is what it means."""
LOST_TIME = timedelta(minutes=15)
"""How long a run that owns its claim may be silent, unknown to Slurm, where nothing tells how often it says a line."""
MOST_LOST_TIME = timedelta(hours=1)
"""The same at most, where its lines tell."""


@dataclass(frozen=True)
class Seen:
    """Observations of one job in this cycle."""

    now: datetime
    queue_answered: bool
    queued: QueuedJob | None
    accounted: AccountedJob | None
    exit_record: ExitRecord | None
    has_grown: bool
    """A log of it grew since the last cycle: somebody is alive there."""
    clock_ahead_seconds: float = 0.0
    """The cluster's clock less ours."""
    look: AttemptLook | None = None
    """A closer look at its folders; None when there was none in this cycle."""


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
    is_contradicted: bool = False
    """Its own exit record says that this start has ended."""


@dataclass(frozen=True)
class Claimed:
    """Slurm does not know it, and nobody saw it run, but its claim says that it has begun."""


@dataclass(frozen=True)
class Elsewhere:
    """Another Slurm job owns the attempt: what this one did is no matter."""

    slurm_job_id: int


@dataclass(frozen=True)
class Forgotten:
    """The attempt never trained and never will: its claim was given up. The job may be submitted again."""


@dataclass(frozen=True)
class Unbegun:
    """Slurm ended it before it began, and it never will: the claim was given up. It may be submitted again."""

    slurm_state: str
    nodes: str | None


@dataclass(frozen=True)
class Ending:
    """Slurm says that it has ended, and the exit record may still be on its way."""

    slurm_state: str


@dataclass(frozen=True)
class Ended:
    """The attempt has ended; the meaning of that is for tuning.llamafactory.outcome.end to judge."""

    slurm_state: str | None
    word: str | None
    """Slurm's meaning in a plain word (timeout, out_of_memory, cancelled, ...); None when only the record tells."""
    exit_record: ExitRecord | None
    finished_at: datetime
    nodes: str | None
    slurm_exit_code: int | None = None
    """By Slurm's word alone."""
    look: AttemptLook | None = None

    @property
    def exit_code(self) -> int | None:
        """Of the batch script: by its own record, else by Slurm's word."""
        return self.exit_record.exit_code if self.exit_record else self.slurm_exit_code

    @property
    def has_run(self) -> bool:
        """Whether something shows that it began to train."""
        return self.exit_record is not None or (self.look is not None and self.look.owner is not None)


@dataclass(frozen=True)
class Missing:
    """Slurm does not know it, for this many polls in a row; 0 = its files grow, so somebody is alive there."""

    since: datetime
    polls: int


@dataclass(frozen=True)
class CannotTell:
    """No answer, or answers that contradict each other: everything stays as it is."""


Judgement = Waits | Runs | Claimed | Elsewhere | Forgotten | Unbegun | Ending | Ended | Missing | CannotTell


def decide(attempt: LiveAttempt, seen: Seen) -> Judgement:
    """The judgement on one job."""
    if not seen.queue_answered:
        return CannotTell()
    if seen.queued is not None:
        return _by_queue(attempt, seen, seen.queued)
    if seen.exit_record is not None:
        return _by_record_alone(attempt, seen)
    accounted, meaning = seen.accounted, accounted_meaning(seen.accounted.state) if seen.accounted else None
    if accounted is not None and meaning is not None and meaning.phase is Phase.ENDED:
        return _ended_or_ending(attempt, seen, accounted.state, meaning, accounted.nodes)
    return _missing(attempt, seen)  # for accounting too it may wait or run for ever: it was never told of an end


def is_overdue(attempt: LiveAttempt, now: datetime) -> bool:
    """Whether a job that Slurm does not have was missing for so long that its claim tells more."""
    return attempt.missing_polls + 1 >= MISSING_POLLS and _waited(attempt, now) >= MISSING_TIME


def is_due(attempt: LiveAttempt, now: datetime) -> bool:
    """Whether a job that has ended by Slurm's word, or is unknown to it, is to be looked at more closely."""
    return _waited(attempt, now) >= RECORD_GRACE


def is_to_be_taken(attempt: LiveAttempt, queued: QueuedJob | None, now: datetime) -> bool:
    """True when the claim of a job is to be taken: Slurm has ended it, so that it will not begin any more."""
    meaning = meaning_of(queued.state) if queued else None
    if queued is None or meaning is None or meaning.phase is not Phase.ENDED:
        return False
    return may_be_unbegun(attempt, meaning, queued.nodes) and _waited(attempt, now) >= _grace(meaning)


def _by_queue(attempt: LiveAttempt, seen: Seen, queued: QueuedJob) -> Judgement:
    meaning = meaning_of(queued.state)
    if meaning is None:
        return CannotTell()
    if meaning.phase is Phase.PENDING:
        expected = _ours(queued.start_epoch, seen) if queued.start_epoch else None
        return Waits(queued.state, queued.reason, expected)
    if meaning.phase is Phase.ENDED:
        record = seen.exit_record
        if record is not None:  # whatever the clocks say: the controller's may be ahead of the node's
            return _by_record(seen, record, queued.state, meaning.word)
        return _ended_or_ending(attempt, seen, queued.state, meaning, queued.nodes)
    return _by_running(seen, queued)


def _by_running(seen: Seen, queued: QueuedJob) -> Runs | Ended:
    """A good end is believed as soon as Slurm is about to let go; of a bad one Slurm is about to say why."""
    record = seen.exit_record
    is_of_this_start = record is not None and (queued.start_epoch or 0) <= record.finished_epoch
    is_completing = queued.state == COMPLETING
    if record is not None and is_of_this_start and is_completing and record.exit_code == 0:
        return _by_record(seen, record, queued.state, None)
    started = _ours(queued.start_epoch, seen) if queued.start_epoch else seen.now
    return Runs(queued.state, queued.reason, started, queued.nodes, is_of_this_start and not is_completing)


def _by_record_alone(attempt: LiveAttempt, seen: Seen) -> Judgement:
    """Slurm's queue has let go of it: a second look at it, or accounting, must agree; accounting may contradict."""
    accounted, record = seen.accounted, seen.exit_record
    meaning = accounted_meaning(accounted.state) if accounted else None
    is_agreed = meaning is not None and meaning.phase is Phase.ENDED
    is_contradicted = meaning is not None and not is_agreed
    if is_agreed or (is_overdue(attempt, seen.now) if is_contradicted else attempt.missing_polls > 0):
        assert record is not None  # noqa: S101 - decide() said so
        word = meaning.word if meaning and is_agreed else None
        return _by_record(seen, record, accounted.state if accounted else None, word)
    return Missing(attempt.missing_since or seen.now, attempt.missing_polls + 1)


def _by_record(seen: Seen, record: ExitRecord, state: str | None, word: str | None) -> Ended:
    finished_at = min(_ours(record.finished_epoch, seen), seen.now)
    return Ended(state, word, record, finished_at, record.node, look=seen.look)


def _ended_or_ending(
    attempt: LiveAttempt, seen: Seen, state: str, meaning: StateMeaning, nodes: str | None
) -> Ended | Ending | Elsewhere | Forgotten | Unbegun:
    if seen.has_grown:
        return Ending(state)  # somebody still writes there: the answer may be another job's, or a wrong one
    is_in_doubt = may_be_unbegun(attempt, meaning, nodes)
    never_ran = attempt.status is JobStatus.PENDING and meaning.word == "cancelled" and not is_in_doubt
    is_early = _waited(attempt, seen.now) < _grace(meaning)
    if not never_ran and (is_early or _is_to_be_looked_at(attempt, seen, is_in_doubt=is_in_doubt)):
        return Ending(state)
    if _is_to_be_claimed(attempt, seen, meaning):
        return Ending(state)
    if seen.look is not None and (owner := _other_owner(attempt, seen.look)) is not None:
        return Elsewhere(owner)
    if seen.look is not None and seen.look.is_abandoned and not is_somebodys_wish(attempt, seen.accounted):
        return Unbegun(state, nodes) if is_in_doubt else Forgotten()
    told = seen.accounted.end_epoch if seen.accounted else None
    finished_at = min(_ours(told, seen), seen.now) if told else seen.now
    word = LAUNCH_FAILED if attempt.ended_by == LAUNCH_FAILED and meaning.word == "cancelled" else meaning.word
    return Ended(state, word, None, finished_at, nodes, _slurm_exit_code(seen, meaning), seen.look)


def _grace(meaning: StateMeaning) -> timedelta:
    return RETURN_GRACE if meaning.may_return else RECORD_GRACE


def _is_to_be_claimed(attempt: LiveAttempt, seen: Seen, meaning: StateMeaning) -> bool:
    """Whether a controller that lost its state ended it before it began: that is no attempt, once its claim is ours."""
    has_not_begun = attempt.status is JobStatus.PENDING and seen.look is not None and seen.look.claim == ""
    return has_not_begun and meaning.may_return and seen.queued is None and not is_overdue(attempt, seen.now)


def _is_to_be_looked_at(attempt: LiveAttempt, seen: Seen, *, is_in_doubt: bool) -> bool:
    """Whether the folders that tell more were not looked into yet, or a claim that was to be taken was not."""
    if seen.look is None:
        return True
    is_waited_for = attempt.cancel_requested_at is None and _waited(attempt, seen.now) < CLOSED_TIME
    is_open = seen.look.claim is None or (is_in_doubt and attempt.status in ON_CLUSTER and seen.look.claim == "")
    return is_open and is_waited_for


def _slurm_exit_code(seen: Seen, meaning: StateMeaning) -> int | None:
    """Only where the script itself came to its end."""
    if meaning.word == "completed":
        return 0
    told = seen.accounted.exit_code if seen.accounted else None
    return told if meaning.word == "failed" else None


def _missing(attempt: LiveAttempt, seen: Seen) -> Judgement:
    if seen.has_grown:
        return Missing(seen.now, 0)
    missing = Missing(attempt.missing_since or seen.now, attempt.missing_polls + 1)
    if not is_overdue(attempt, seen.now) or seen.look is None or not seen.look.claim:
        return missing
    return _by_claim(attempt, seen, seen.look, missing)


def _by_claim(attempt: LiveAttempt, seen: Seen, look: AttemptLook, missing: Missing) -> Judgement:
    """Judgement by the claim: its holder may live, and nobody else can ever train this attempt."""
    if look.is_abandoned:
        return Forgotten()
    if (owner := _other_owner(attempt, look)) is not None:
        return Elsewhere(owner)
    if attempt.status is JobStatus.PENDING:
        return Claimed()
    silence = _silence(attempt, missing.since)
    if _waited(attempt, seen.now) < silence or _has_written(attempt, seen, look, silence):
        return missing
    return Ended(None, "lost", None, seen.now, None, look=look)


def _has_written(attempt: LiveAttempt, seen: Seen, look: AttemptLook, within: timedelta) -> bool:
    """True when its output has a recent file: a run may save checkpoints, and log nothing."""
    if attempt.cancel_requested_at is not None:
        return False
    files = parse_files(look.listing).files
    moments = (moment(file.modified_epoch - seen.clock_ahead_seconds) for file in files)
    return any(at is not None and seen.now - within < at <= seen.now for at in moments)


def _other_owner(attempt: LiveAttempt, look: AttemptLook) -> int | None:
    return look.owner if look.owner != attempt.slurm_job_id else None


def _silence(attempt: LiveAttempt, since: datetime) -> timedelta:
    """Time of silence after which a run that may well live is given up; short where that is its owner's wish."""
    if attempt.cancel_requested_at is not None:
        return MISSING_TIME
    if attempt.quiet_until is None:
        return LOST_TIME
    return min(MOST_LOST_TIME, max(MISSING_TIME, attempt.quiet_until - since))


def _waited(attempt: LiveAttempt, now: datetime) -> timedelta:
    return now - attempt.missing_since if attempt.missing_since else timedelta()


def _ours(epoch: float, seen: Seen) -> datetime:
    """A moment of the cluster's clock by our own clock; one that no calendar has is now."""
    return moment(epoch - seen.clock_ahead_seconds) or seen.now
