"""Rows of a job by its folder and by Slurm's word on it. Pure.

A job that Slurm has, or that had its claim, becomes one that Slurm has: the worker follows it, or gives it its end by
what lies there, as it does for every job. What never began is held: nobody knows whether it is still wanted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ops.recover.folders import AttemptFolder, JobFolder
from ops.recover.old_folders import record_of
from tuning.errors import Finding, InvalidInput
from tuning.ids import new_secret
from tuning.jobs.attempt.job_record import JobRecord, parse_job_record
from tuning.jobs.layout import CONFIG_FILE, JOB_RECORD_FILE, JOB_SCRIPT, slurm_comment, slurm_job_name
from tuning.moments import moment
from tuning.slurm.answers import ABANDONED, AccountedJob, NamedJob, QueuedJob, parse_slurm_job_id
from tuning.slurm.attempt_records import ExitRecord, StartRecord, parse_exit, parse_started
from tuning.slurm.states import Phase, meaning_of

_BY_SOMEBODY = re.compile(r"CANCELLED by [1-9]")
State = Literal["waits", "runs", "ended", "never began"]


@dataclass(frozen=True)
class SlurmWord:
    """Slurm's word on the jobs of the account."""

    queue: Mapping[int, QueuedJob]
    submitted: Mapping[str, int] = field(default_factory=dict)
    """By the tokens of attempts of which the folder names no Slurm job: the one that accounting has."""
    accounted: Mapping[NamedJob, AccountedJob] = field(default_factory=dict)


@dataclass(frozen=True)
class RecoveredAttempt:
    """Row of an attempt that Slurm had."""

    number: int
    token: str
    slurm_job_id: int | None
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    nodes: str | None
    script: str
    config_yaml: str


@dataclass(frozen=True)
class RecoveredJob:
    """Rows of a job."""

    record: JobRecord
    state: State
    slurm_state: str
    """Slurm's last word, or what the folder says; for people."""
    attempts: tuple[RecoveredAttempt, ...]
    was_cancelled: bool = False
    """Somebody ended it, by accounting's word, and it was not asked to save a checkpoint first."""

    @property
    def last(self) -> RecoveredAttempt:
        """The newest attempt."""
        return self.attempts[-1]


@dataclass(frozen=True)
class Skipped:
    """A folder of which no rows can be made."""

    job_id: str
    reason: str


def last_record(folder: JobFolder, owner: str | None, queue: Mapping[int, QueuedJob], now: datetime) -> JobRecord:
    """The record of the newest attempt. `owner` is of those whose folder names none. Raises InvalidInput."""
    last = folder.attempts[-1]
    if JOB_RECORD_FILE in last.refused or JOB_SCRIPT in last.refused or CONFIG_FILE in last.refused:
        raise _unfit(f"attempt {last.number} has a link, or no plain file, in the place of one of ours")
    if JOB_SCRIPT not in last.texts or CONFIG_FILE not in last.texts:
        raise _unfit(f"attempt {last.number} has no script or no configuration (a check of data has none)")
    if JOB_RECORD_FILE not in last.texts:
        if owner is None:
            raise _unfit("its folder does not say whose it is: name somebody with --owner")
        token = _token_in(queue, folder.job_id, last.number) or new_secret()
        return record_of(folder.job_id, last, token, owner, _written_at(last, now))
    record = parse_job_record(last.texts[JOB_RECORD_FILE])
    if (record.job_id, record.attempt) != (folder.job_id, last.number):
        raise _unfit(f"attempt {last.number} holds the record of {record.job_id}, attempt {record.attempt}")
    return record


def is_unnamed(folder: JobFolder, queue: Mapping[int, QueuedJob]) -> bool:
    """Whether neither the newest attempt's folder nor the queue names a Slurm job for it."""
    last = folder.attempts[-1]
    return last.listed.claim != ABANDONED and _named_job(folder.job_id, last, queue) is None


def recovered(folder: JobFolder, record: JobRecord, slurm: SlurmWord, now: datetime) -> RecoveredJob:
    """The rows of a job."""
    last = folder.attempts[-1]
    number = _named_job(folder.job_id, last, slurm.queue) or slurm.submitted.get(record.token)
    if last.listed.claim == ABANDONED:
        number = None
    queued = slurm.queue.get(number) if number is not None else None
    if queued is not None and not _is_of(queued, folder.job_id, last.number):
        queued = None  # a controller that began anew gave the number to another job
    state, words = _state(number, queued, _accounted(number, folder.job_id, last.number, slurm), last)
    attempts = [*_earlier(folder, record, now), _attempt(last, record.token, number, record.created_at, now)]
    return RecoveredJob(record, state, words, tuple(attempts), _was_cancelled(state, words, _exit(last, number)))


def _unfit(message: str) -> InvalidInput:
    return InvalidInput([Finding((), message)])


def _state(
    number: int | None, queued: QueuedJob | None, accounted: AccountedJob | None, last: AttemptFolder
) -> tuple[State, str]:
    if number is None:
        return "never began", "given up" if last.listed.claim == ABANDONED else "not in Slurm"
    meaning = meaning_of(queued.state) if queued is not None else None
    if queued is not None and (meaning is None or meaning.phase is not Phase.ENDED):
        return "waits" if meaning is not None and meaning.phase is Phase.PENDING else "runs", queued.state
    told = queued.state if queued is not None else accounted.state if accounted is not None else None
    left = _exit(last, number)
    return "ended", told or (f"exit code {left.exit_code}" if left is not None else "gone from Slurm")


def _was_cancelled(state: State, words: str, left: ExitRecord | None) -> bool:
    """By a person: root (0) is Slurm itself, whose prolog failed."""
    is_stopped = left is not None and left.was_stopped
    return state == "ended" and _BY_SOMEBODY.match(words) is not None and not is_stopped


def _named_job(job_id: str, folder: AttemptFolder, queue: Mapping[int, QueuedJob]) -> int | None:
    """Slurm's number of an attempt: by its claim, else by its start record, else the first in the queue."""
    if (owner := parse_slurm_job_id(folder.listed.claim)) is not None:
        return owner
    if (started := parse_started(folder.texts.get("started", b""))) is not None:
        return started.slurm_job_id
    return min((number for number, queued in queue.items() if _is_of(queued, job_id, folder.number)), default=None)


def _is_of(queued: QueuedJob, job_id: str, number: int) -> bool:
    by_name = queued.name.startswith(slurm_job_name(job_id, number, ""))
    return by_name or queued.comment.startswith(slurm_comment(job_id, number, ""))


def _token_in(queue: Mapping[int, QueuedJob], job_id: str, number: int) -> str | None:
    prefix = slurm_comment(job_id, number, "")
    tokens = (queued.comment.removeprefix(prefix) for queued in queue.values() if queued.comment.startswith(prefix))
    return next(tokens, None)


def _accounted(number: int | None, job_id: str, attempt: int, slurm: SlurmWord) -> AccountedJob | None:
    prefix = slurm_job_name(job_id, attempt, "")
    its = (line for (found, name), line in slurm.accounted.items() if found == number and name.startswith(prefix))
    return next(its, None)


def _earlier(folder: JobFolder, record: JobRecord, now: datetime) -> Iterator[RecoveredAttempt]:
    """The attempts before the newest that a Slurm job had."""
    for each in folder.attempts[:-1]:
        number = parse_slurm_job_id(each.listed.claim)
        if number is not None:
            yield _attempt(each, _own_token(each, folder.job_id), number, record.created_at, now)


def _own_token(folder: AttemptFolder, job_id: str) -> str:
    try:
        record = parse_job_record(folder.texts.get(JOB_RECORD_FILE, b""))
    except InvalidInput:
        return new_secret()
    return record.token if (record.job_id, record.attempt) == (job_id, folder.number) else new_secret()


def _attempt(
    folder: AttemptFolder, token: str, number: int | None, created_at: datetime, now: datetime
) -> RecoveredAttempt:
    started, ended = _start(folder, number), _exit(folder, number)
    submitted_at = max(created_at, _written_at(folder, now)) if created_at <= now else _written_at(folder, now)
    started_at = _past(started.epoch, now) if started is not None else None
    return RecoveredAttempt(
        number=folder.number,
        token=token,
        slurm_job_id=number,
        submitted_at=min(submitted_at, started_at or now),
        started_at=started_at,
        finished_at=_past(ended.finished_epoch, now) if ended is not None else None,
        exit_code=ended.exit_code if ended is not None else None,
        nodes=(started.node or None) if started is not None else None,
        script=folder.text(JOB_SCRIPT),
        config_yaml=folder.text(CONFIG_FILE),
    )


def _start(folder: AttemptFolder, number: int | None) -> StartRecord | None:
    started = parse_started(folder.texts.get("started", b""))
    return started if started is not None and started.slurm_job_id == number else None


def _exit(folder: AttemptFolder, number: int | None) -> ExitRecord | None:
    ended = parse_exit(folder.texts.get("exit", b""))
    return ended if ended is not None and ended.slurm_job_id == number else None


def _written_at(folder: AttemptFolder, now: datetime) -> datetime:
    """Time at which its script came to the cluster."""
    return _past(folder.listed.written_epoch, now) if folder.listed.written_epoch is not None else now


def _past(epoch: float, now: datetime) -> datetime:
    return min(moment(epoch) or now, now)
