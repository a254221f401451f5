"""Queued jobs become Slurm jobs, many in few round trips, each at most once.

Load and claim (the tokens are committed) -> one command -> apply the answers. What has no answer stays
`submitting`; worker.settle finds out what became of it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    Conflict,
    InvalidInput,
    SiteLimit,
    SlurmUnavailable,
    SubmissionRefused,
    Unreachable,
)
from tuning.jobs.live import Confirmed, begin_attempts, confirm_attempts, is_any_waiting, queued_jobs, waiting
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.secrets.service import read_values
from tuning.slurm.cluster import Submission, SubmissionAnswer
from worker.drive import Drive
from worker.handover import Handover, Supplies, load_supplies, plan_handover
from worker.known_cluster import KnownCluster
from worker.onward import carry_over
from worker.stage import staged_jobs

log = logging.getLogger(__name__)

BATCH = 200
BATCHES = 5
"""In one go; then the live jobs are looked at again, however many wait."""
LOOK_AHEAD = 2000
"""Jobs that wait for a large data set do not hold up those behind them."""
PAUSE_SECONDS = 30.0
"""How long nothing more is submitted after the site said that its limit is reached, or its disk is full."""


class Submitter:
    """Hands waiting jobs to Slurm, and remembers when the site asked to wait."""

    def __init__(self, drive: Drive, known: KnownCluster) -> None:
        self._drive = drive
        self._known = known
        self._paused_until = 0.0

    def submit_waiting(self) -> int:
        """Submit what waits, at most so many batches; returns how many jobs were claimed."""
        if time.monotonic() < self._paused_until:
            return 0
        batch = _claim(self._drive, self._known)
        if not batch:
            return 0
        if len(batch) < BATCH:
            _apply(self._drive, batch, self._answers(partial(self._send, batch), batch))
            return len(batch)
        with ThreadPoolExecutor(1, thread_name_prefix="submit") as sender:
            return self._hand_over(sender, batch)

    def _hand_over(self, sender: ThreadPoolExecutor, batch: Sequence[Handover]) -> int:
        """While a batch is on its way the next one is made ready; and its answers are written down behind the next."""
        count, sent = 0, sender.submit(self._send, batch)
        for batches in range(1, BATCHES + 1):
            count += len(batch)
            is_more = len(batch) == BATCH and batches < BATCHES
            following = _claim(self._drive, self._known) if is_more else []
            answers = self._answers(sent.result, [*batch, *following])
            if following and self._is_paused():
                _give_all_back(self._drive, following, _trouble(answers) or SlurmUnavailable("submissions pause"))
                following = []
            if following:
                sent = sender.submit(self._send, following)
            _apply(self._drive, batch, answers)
            if not following:
                return count
            batch = following
        return count

    def _send(self, batch: Sequence[Handover]) -> list[SubmissionAnswer]:
        self._drive.check()
        return self._drive.cluster.submit([_submission(handover) for handover in batch])

    def _answers(
        self, send: Callable[[], Sequence[SubmissionAnswer]], claimed: Sequence[Handover]
    ) -> Sequence[SubmissionAnswer]:
        """What became of a batch. Raises ClusterError after all that is claimed was given back."""
        try:
            answers = send()
        except ClusterError as error:  # raised only before any sbatch was started
            if not isinstance(error, Unreachable | CommandTimedOut):  # the site itself is well, and the loop backs off
                self._pause(error)
            _give_all_back(self._drive, claimed, error)
            raise
        if (trouble := _trouble(answers)) is not None:
            self._pause(trouble)
        return answers

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, error: ClusterError) -> None:
        log.warning("submissions pause: %s", error, extra={"action": "pause", "cluster": self._drive.settings.name})
        self._paused_until = time.monotonic() + PAUSE_SECONDS


def give_back(session: Session, job: Job, attempt: Attempt, reason: str, now: datetime) -> None:
    """A submission that is proved not to have happened: the job waits again, or ends if that was asked for."""
    session.delete(attempt)
    if job.cancel_requested_at is not None:
        transition(session, job, JobStatus.CANCELLED, "cancelled before Slurm had it", now)
    elif job.hold_requested_at is not None:
        transition(session, job, JobStatus.HELD, "held before Slurm had it", now)
    else:
        transition(session, job, JobStatus.QUEUED, reason, now)


def confirm(session: Session, job: Job, attempt: Attempt, slurm_job_id: int, now: datetime) -> None:
    """Slurm has the job."""
    attempt.slurm_job_id, attempt.submitted_at, attempt.unconfirmed_since = slurm_job_id, now, None
    job.slurm_job_id, job.slurm_state = slurm_job_id, "PENDING"
    transition(session, job, JobStatus.PENDING, f"Slurm job {slurm_job_id}", now)


def _claim(drive: Drive, known: KnownCluster) -> list[Handover]:
    name = drive.settings.name
    with drive.load() as session:
        if not is_any_waiting(session, name):
            return []
    now = drive.now()
    with drive.apply() as session:
        needs = waiting(session, name, LOOK_AHEAD)
        ready = staged_jobs(session, name, needs)[:BATCH]
        claimed = queued_jobs(session, name, ready)
        supplies = load_supplies(session, known, claimed, needs)
        planned = [_planned(session, drive, job, supplies, now) for job in claimed]
        handovers = [handover for handover in planned if handover is not None]
        records = {one.job_id: one.record for one in handovers}
        begin_attempts(session, [one.attempt for one in handovers], records, now)
    return handovers


def _planned(session: Session, drive: Drive, job: Job, supplies: Supplies, now: datetime) -> Handover | None:
    try:
        secrets = read_values(session, job.owner_id, job.secrets, drive.cipher) if job.secrets else {}
        learned = carry_over(session, job.id, job.attempt + 1) if job.attempt else None
        return plan_handover(job, drive.settings, supplies, secrets, learned)
    except (InvalidInput, Conflict) as error:
        # accepted once, and no longer possible: the operator's settings have changed since, or a secret is gone
        job.failure = {"code": "invalid", "message": str(error), "hint": None, "evidence": []}
        transition(session, job, JobStatus.FAILED, f"cannot be run any more: {error}", now)
        return None


def _submission(handover: Handover) -> Submission:
    return Submission(
        token=handover.attempt.token,
        job_name=handover.slurm_job_name,
        comment=handover.comment,
        directory=handover.directory,
        files=handover.files,
    )


def _trouble(answers: Sequence[SubmissionAnswer]) -> ClusterError | None:
    """The first error that is no refusal of a job: a limit, or something of the site's."""
    errors = (answer.error for answer in answers)
    return next((error for error in errors if error and not isinstance(error, SubmissionRefused)), None)


def _apply(drive: Drive, handovers: Sequence[Handover], answers: Sequence[SubmissionAnswer]) -> None:
    now = drive.now()
    by_token = {answer.token: answer for answer in answers}
    confirmed, others = [], []
    for one in handovers:
        answer = by_token.get(one.attempt.token)
        if answer is not None and answer.slurm_job_id is not None:
            confirmed.append(Confirmed(one.job_id, one.attempt.number, answer.slurm_job_id))
        else:
            others.append(one)
    with drive.apply() as session:
        confirm_attempts(session, confirmed, now)
        rows = _rows(session, others) if others else {}
        for one in others:
            _apply_one(session, *rows[one.job_id], by_token.get(one.attempt.token), now)


def _apply_one(session: Session, job: Job, attempt: Attempt, answer: SubmissionAnswer | None, now: datetime) -> None:
    if answer is None or answer.error is None:
        attempt.unconfirmed_since = now
        record_event(session, job.id, "warning", "sbatch gave no answer: looking the job up by its token", now)
    elif isinstance(answer.error, SubmissionRefused):
        _refuse(session, job, answer.error, now)
    else:
        job.attempt -= 1  # nothing of it is left on the cluster: the number is free again
        give_back(session, job, attempt, _waiting_reason(answer.error), now)


def _refuse(session: Session, job: Job, error: SubmissionRefused, now: datetime) -> None:
    job.failure = {
        "code": "submission_refused",
        "message": str(error),
        "hint": error.hint or "correct the resources and retry",
        "evidence": [str(error)],
    }
    transition(session, job, JobStatus.FAILED, str(error), now)


def _waiting_reason(error: ClusterError | None) -> str:
    return f"waiting for the site's limit: {error}" if isinstance(error, SiteLimit) else f"waiting: {error}"


def _give_all_back(drive: Drive, handovers: Sequence[Handover], error: ClusterError) -> None:
    now = drive.now()
    with drive.apply() as session:
        for job, attempt in _rows(session, handovers).values():
            job.attempt -= 1
            give_back(session, job, attempt, f"waiting: {error}", now)


def _rows(session: Session, handovers: Sequence[Handover]) -> dict[str, tuple[Job, Attempt]]:
    """By job id: one query for the whole batch."""
    own = (Job.id == Attempt.job_id) & (Job.attempt == Attempt.number)
    wanted = select(Job, Attempt).join(Attempt, own).where(Job.id.in_([handover.job_id for handover in handovers]))
    return {job.id: (job, attempt) for job, attempt in session.execute(wanted)}
