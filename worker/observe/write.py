"""Writer of a cycle: logs and points first, then the judgement on each job, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from sqlalchemy.orm import Session

from tuning.jobs.layout import stream_paths
from tuning.jobs.models import Attempt, Job
from tuning.jobs.queries.driver import LiveAttempt, update_jobs
from tuning.jobs.queries.requests import lock_job
from tuning.jobs.status import ENDED, JobStatus
from tuning.jobs.transition import transition
from tuning.llamafactory.progress.eta_state import EtaState
from tuning.slurm.attempt_records import ExitRecord
from tuning.slurm.cluster import AccountedJob, AttemptLook, FileStat, Observation, QueuedJob
from tuning.slurm.pending_reasons import HELD_AFTER_LAUNCH, waiting_words
from worker.driver import Driver
from worker.finish.corrections import follow, recheck
from worker.finish.end import finish
from worker.finish.use import count_put_back
from worker.observe.contradiction import is_contradiction_news, note_contradiction
from worker.observe.judgement import (
    CannotTell,
    Claimed,
    Elsewhere,
    Ended,
    Ending,
    Forgotten,
    Judgement,
    Missing,
    Runs,
    Unbegun,
    Waits,
)
from worker.observe.progress import is_outdated, restate, take_checkpoints, take_in
from worker.observe.saved_checkpoints import look_no_more, newly_saved, saved_steps, tell
from worker.observe.set_aside import note_set_aside
from worker.observe.stall import quiet_until
from worker.observe.tail import TailRead, is_all_there, is_read_to_end
from worker.submit.batch import give_back
from worker.submit.launch_failures import note_begun, note_unbegun, take_back
from worker.submit.taken_back import note_begun_after_all

LATE_TIME = timedelta(seconds=75)
"""How long the ends of an ended run's logs are waited for: network file systems show them up to a minute late."""

MOVED = timedelta(seconds=30)
"""Slurm plans anew every few seconds, and its clock is told in whole seconds: an expected start that moved by less is
no news. Written down each cycle for each pending job, it would cost more than all else."""


NO_END = dict.fromkeys(("eta_seconds", "eta_low_seconds", "eta_high_seconds", "expected_end_at"))
"""What is not told of a job that has ended."""
FORGOTTEN = "Slurm has forgotten it, and it had not begun: submitting again"


@dataclass(frozen=True)
class Answers:
    """The cluster's answers in one cycle."""

    observation: Observation
    reads: Sequence[TailRead]
    contents: Mapping[str, bytes]
    own: Mapping[str, QueuedJob]
    """Slurm's jobs, by job id."""
    records: Mapping[str, ExitRecord]
    """By job id."""
    accounted: Mapping[str, AccountedJob]
    """By job id."""
    looks: Mapping[str, AttemptLook]
    """By job id."""
    grown: frozenset[str]
    """Ids of the jobs with a file that grew."""
    clock_ahead_seconds: float
    refused: frozenset[str] = frozenset()
    """Paths at which no file of ours was found: nothing of them was read."""
    unreadable: frozenset[str] = frozenset()
    """Ids of the jobs whose exit record is none."""


class CycleWriter:
    """One cycle's writing."""

    def __init__(self, driver: Driver, answers: Answers) -> None:
        self._driver = driver
        self._answers = answers
        self._reads: dict[str, list[TailRead]] = {}
        for read in answers.reads:
            self._reads.setdefault(read.job_id, []).append(read)

    def write(self, judgements: Sequence[tuple[LiveAttempt, Judgement]]) -> None:
        """One transaction for these jobs; untouched ones cost nothing."""
        now = self._driver.now()
        touched = [(live, said) for live, said in judgements if self._is_touched(live, said, now)]
        if not touched:
            return
        saved = newly_saved(self._driver, [live for live, _ in touched], self._answers.observation.files)
        with self._driver.apply() as session:
            heard = self._take_in(session, [live for live, _ in touched if _is_there(session, live)], now)
            tell(session, self._driver, saved)
            silent = [
                live for live, said in touched if self._is_to_be_restated(live, said, now) and live.job_id not in heard
            ]
            update_jobs(session, restate(session, silent, now, self._driver.expected_checkpoints), now)
            waits = [(live, said) for live, said in touched if _still_waits(said, live, now)]
            update_jobs(session, [_news_of_waiting(live, said, now) for live, said in waits], now)
            for live, judgement in touched:
                if live.status in ENDED:
                    recheck(session, self._driver, live, judgement, self._answers.contents)
                elif not _still_waits(judgement, live, now):
                    self._apply(session, live, judgement)
        look_no_more(self._driver, saved)

    def _is_touched(self, live: LiveAttempt, judgement: Judgement, now: datetime) -> bool:
        has_news = live.job_id in self._reads or live.job_id in self._answers.unreadable or _says(live, judgement, now)
        saved = saved_steps(self._driver, live, self._answers.observation.files)
        has_saved = bool(saved) or self._checkpoint_of(live) is not None
        return has_news or has_saved or self._is_to_be_restated(live, judgement, now)

    def _checkpoint_of(self, live: LiveAttempt) -> FileStat | None:
        """The checkpoint that was looked for, where a running attempt has written it."""
        path = self._driver.expected_checkpoints.path_of(self._driver.settings.root, live)
        is_running = live.status is JobStatus.RUNNING
        return self._answers.observation.files.get(path) if is_running and path is not None else None

    def _is_to_be_restated(self, live: LiveAttempt, judgement: Judgement, now: datetime) -> bool:
        """True when it runs, its training log was looked at, and the estimate shown is old."""
        if not isinstance(judgement, Runs) or live.status is not JobStatus.RUNNING or not is_outdated(live, now):
            return False
        paths = stream_paths(self._driver.settings.root, live.job_id, live.number)
        return paths["trainer_log"] in self._answers.observation.files

    def _take_in(self, session: Session, attempts: Sequence[LiveAttempt], now: datetime) -> frozenset[str]:
        """Take in the reads of these attempts (no ETA for ended ones); returns the ids of those that logged a step."""
        for live in attempts:
            if live.job_id in self._answers.unreadable:
                note_set_aside(session, live.job_id, live.number, "exit", "it is no record of an end", now)
        read = [(live, self._reads[live.job_id]) for live in attempts if live.job_id in self._reads]
        ended = {live.job_id for live in attempts if live.status in ENDED}
        note_begun(session, self._driver, [live.job_id for live, reads in read if _logs_first_step(live, reads)])
        ahead, expected = self._answers.clock_ahead_seconds, self._driver.expected_checkpoints
        news = take_in(session, read, self._answers.contents, now, ahead, expected)
        heard = {change["id"] for change in news}
        written = [
            (live, stat)
            for live in attempts
            if live.job_id not in heard and (stat := self._checkpoint_of(live)) is not None
        ]
        news += take_checkpoints(session, written, now, ahead, expected)
        update_jobs(session, [{**change, **NO_END} if change["id"] in ended else change for change in news], now)
        return frozenset(change["id"] for change in news)

    def _apply(self, session: Session, live: LiveAttempt, judgement: Judgement) -> None:
        match judgement:
            case Waits() if _says(live, judgement, self._driver.now()):
                self._waits(session, live, judgement)
            case Runs() if _says(live, judgement, self._driver.now()):
                self._runs(session, live, judgement)
            case Ending() | Missing():
                self._unsure(session, live, judgement)
            case Claimed():
                self._claimed(session, live)
            case Elsewhere(slurm_job_id):
                follow(session, live, slurm_job_id, self._driver.now())
            case Forgotten():
                job, attempt = _rows(session, live)
                give_back(session, job, attempt, FORGOTTEN, self._driver.now())
            case Unbegun():
                note_unbegun(session, self._driver, live, judgement)
            case Ended():
                self._ended(session, live, judgement)
            case _:
                return

    def _waits(self, session: Session, live: LiveAttempt, judgement: Waits) -> None:
        job, attempt = _rows(session, live)
        attempt.missing_since, attempt.missing_polls = None, 0
        if live.status is JobStatus.RUNNING:
            count_put_back(session, self._driver, job, attempt)
            transition(session, job, JobStatus.PENDING, "Slurm put it back into its queue", self._driver.now())
        if _is_to_be_taken_back(judgement, live):
            take_back(session, live, attempt, judgement, self._driver)
        expected = {
            "status_reason": _why_it_waits(live, judgement),
            "expected_start_at": judgement.expected_start_at,
            "slurm_reason": judgement.slurm_reason,
        }
        self._tell(session, live, judgement.slurm_state, expected)

    def _runs(self, session: Session, live: LiveAttempt, judgement: Runs) -> None:
        job, attempt = _rows(session, live)
        attempt.missing_since, attempt.missing_polls = None, 0
        note_contradiction(session, live, attempt, judgement, self._driver.now())
        if live.status is JobStatus.PENDING:
            note_begun_after_all(attempt)
            started_at = max(judgement.started_at, attempt.created_at)  # Slurm tells whole seconds, by its own clock
            _submitted_before(job, attempt, started_at)
            attempt.started_at, attempt.nodes = started_at, judgement.nodes
            attempt.quiet_until = quiet_until(EtaState(), self._driver.now()) if job.kind == "train" else None
            reason = f"running on {judgement.nodes}" if judgement.nodes else "running"
            transition(session, job, JobStatus.RUNNING, reason, self._driver.now(), at=started_at)
        self._tell(
            session, live, judgement.slurm_state, {"expected_start_at": None, "slurm_reason": judgement.slurm_reason}
        )

    def _claimed(self, session: Session, live: LiveAttempt) -> None:
        """From now on its files are watched: when they grow it runs, and its own record may tell of its end."""
        job, attempt = _rows(session, live)
        now = self._driver.now()
        attempt.missing_since, attempt.missing_polls = None, 0
        attempt.started_at, attempt.quiet_until = now, quiet_until(EtaState(), now) if job.kind == "train" else None
        transition(session, job, JobStatus.RUNNING, "its claim says that it runs, though Slurm does not know it", now)

    def _unsure(self, session: Session, live: LiveAttempt, judgement: Ending | Missing | None) -> None:
        """It has ended or vanished, by one witness: remembered, and asked again."""
        _, attempt = _rows(session, live)
        attempt.missing_since = live.missing_since or self._driver.now()
        attempt.missing_polls = live.missing_polls + 1
        if isinstance(judgement, Missing):
            attempt.missing_since = judgement.since if judgement.polls else None
            attempt.missing_polls = judgement.polls
        if isinstance(judgement, Ending) and judgement.slurm_state != live.slurm_state:
            self._tell(session, live, judgement.slurm_state, {})

    def _ended(self, session: Session, live: LiveAttempt, judgement: Ended) -> None:
        if live.status is JobStatus.PENDING and judgement.has_run:
            # too short to have been seen running: its logs are read first, in the next cycle
            job, attempt = _rows(session, live)
            attempt.started_at = job.submitted_at
            transition(session, job, JobStatus.RUNNING, "ran", self._driver.now(), at=job.submitted_at)
            return
        root, files = self._driver.settings.root, self._answers.observation.files
        told = judgement.exit_record.stream_bytes if judgement.exit_record else {}
        waited = self._driver.now() - (live.missing_since or self._driver.now())
        if waited < LATE_TIME and not is_all_there(root, live, files, told):
            self._unsure(session, live, None)
        elif is_read_to_end(root, live, files, self._reads.get(live.job_id, ())):
            note_begun(session, self._driver, [live.job_id])
            finish(session, self._driver, live, judgement, self._answers.contents)

    def _tell(self, session: Session, live: LiveAttempt, slurm_state: str | None, more: Mapping[str, object]) -> None:
        now = self._driver.now()
        update_jobs(session, [{"id": live.job_id, "slurm_state": slurm_state, "observed_at": now, **more}], now)


def _submitted_before(job: Job, attempt: Attempt, started_at: datetime) -> None:
    """Slurm had it when it began: its answer to sbatch came later, or its clock is a little behind ours."""
    for row in (job, attempt):
        if row.submitted_at is not None and started_at < row.submitted_at:
            row.submitted_at = started_at


def _is_there(session: Session, live: LiveAttempt) -> bool:
    """Ended jobs may be deleted meanwhile; others may not."""
    return live.status not in ENDED or lock_job(session, live.job_id) is not None


def _still_waits(judgement: Judgement, live: LiveAttempt, now: datetime) -> TypeGuard[Waits]:
    """Whether it waits as it did, with other words of Slurm's: of thousands that is written at once."""
    was_waiting = live.status is JobStatus.PENDING and live.missing_since is None
    if not isinstance(judgement, Waits) or _is_to_be_taken_back(judgement, live):
        return False
    return was_waiting and _says(live, judgement, now)


def _logs_first_step(live: LiveAttempt, reads: Sequence[TailRead]) -> bool:
    """True for the first read of its training log: later ones tell nothing new of its launch."""
    return live.last_step is None and any(found.stream == "trainer_log" for found in reads)


def _is_to_be_taken_back(judgement: Waits, live: LiveAttempt) -> bool:
    return judgement.slurm_reason in HELD_AFTER_LAUNCH and live.ended_by is None


def _why_it_waits(live: LiveAttempt, judgement: Waits) -> str:
    words = waiting_words(judgement.slurm_reason)
    return f"Slurm job {live.slurm_job_id}" + (f" waits ({judgement.slurm_reason}): {words}" if words else "")


def _news_of_waiting(live: LiveAttempt, judgement: Waits, now: datetime) -> dict[str, Any]:
    return {
        "id": live.job_id,
        "status_reason": _why_it_waits(live, judgement),
        "slurm_state": judgement.slurm_state,
        "slurm_reason": judgement.slurm_reason,
        "expected_start_at": judgement.expected_start_at,
        "observed_at": now,
    }


def _has_moved(old: datetime | None, new: datetime | None) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(new - old) >= MOVED


def _says(live: LiveAttempt, judgement: Judgement, now: datetime) -> bool:
    """Whether the judgement says something that the rows do not hold yet."""
    recovered = live.missing_since is not None
    match judgement:
        case Waits(state, reason, expected):
            is_told = (live.slurm_state, live.slurm_reason) == (state, reason)
            has_moved = _has_moved(live.expected_start_at, expected) or _is_to_be_taken_back(judgement, live)
            return recovered or live.status is not JobStatus.PENDING or not is_told or has_moved
        case Runs(state, reason):
            is_told = (live.slurm_state, live.slurm_reason) == (state, reason)
            is_known = is_told and not is_contradiction_news(live, judgement, now)
            return recovered or live.status is not JobStatus.RUNNING or not is_known
        case CannotTell():
            return live.status in ENDED
    return True


def _rows(session: Session, live: LiveAttempt) -> tuple[Job, Attempt]:
    return session.get_one(Job, live.job_id), session.get_one(Attempt, (live.job_id, live.number))
