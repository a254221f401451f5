"""Queued jobs become Slurm jobs, many in few round trips, each at most once.

Load and claim (the tokens are committed) -> one upload and one exec -> apply the answers. What has no answer stays
`submitting`; worker.settle finds out what became of it.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.errors import (
    ClusterError,
    CommandTimedOut,
    Conflict,
    InvalidInput,
    SiteLimit,
    SubmissionRefused,
    Unreachable,
)
from tuning.jobs.live import claim_queued, waiting
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.secrets.service import read_values
from tuning.slurm.cluster import Submission, SubmissionAnswer
from worker.drive import Drive
from worker.handover import Handover, Supplies, load_supplies, plan_handover
from worker.onward import carry_over
from worker.stage import staged_jobs

log = logging.getLogger(__name__)

BATCH = 200
LOOK_AHEAD = 2000
"""Jobs that wait for a large data set do not hold up those behind them."""
PAUSE_SECONDS = 30.0
"""How long nothing more is submitted after the site said that its limit is reached, or its disk is full."""


class Submitter:
    """Hands waiting jobs to Slurm, and remembers when the site asked to wait."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._paused_until = 0.0

    def submit_waiting(self) -> int:
        """Submit what waits, at most one batch; returns how many were claimed."""
        if time.monotonic() < self._paused_until:
            return 0
        handovers = _claim(self._drive)
        if handovers:
            self._hand_over(handovers)
        return len(handovers)

    def _hand_over(self, handovers: Sequence[Handover]) -> None:
        self._drive.check()
        try:
            answers = self._drive.cluster.submit([_submission(handover) for handover in handovers])
        except ClusterError as error:  # raised only before any sbatch was started
            if not isinstance(error, Unreachable | CommandTimedOut):  # the site itself is well, and the loop backs off
                self._pause(error)
            _give_all_back(self._drive, handovers, error)
            raise
        if any(isinstance(answer.error, ClusterError) for answer in answers if not _refused(answer)):
            self._pause(next(answer.error for answer in answers if answer.error and not _refused(answer)))
        _apply(self._drive, handovers, answers)

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


def _claim(drive: Drive) -> list[Handover]:
    with drive.load() as session:
        if not waiting(session, drive.settings.name, 1):
            return []
    now = drive.now()
    with drive.apply() as session:
        ready = staged_jobs(session, drive.settings.name, waiting(session, drive.settings.name, LOOK_AHEAD))
        claimed = claim_queued(session, drive.settings.name, ready[:BATCH], now)
        supplies = load_supplies(session, drive.settings, [job for job, _ in claimed])
        planned = [_planned(session, drive, pair, supplies, now) for pair in claimed]
    return [handover for handover in planned if handover is not None]


def _planned(
    session: Session, drive: Drive, claimed: tuple[Job, Attempt], supplies: Supplies, now: datetime
) -> Handover | None:
    job, attempt = claimed
    try:
        secrets = read_values(session, job.owner_id, job.secrets, drive.cipher) if job.secrets else {}
        learned = carry_over(session, job.id, attempt.number) if attempt.number > 1 else None
        return plan_handover(job, attempt, drive.settings, supplies, secrets, learned)
    except (InvalidInput, Conflict) as error:
        # accepted once, and no longer possible: the operator's settings have changed since, or a secret is gone
        job.failure = {"code": "invalid", "message": str(error), "hint": None, "evidence": []}
        transition(session, job, JobStatus.FAILED, f"cannot be run any more: {error}", now)
        return None


def _submission(handover: Handover) -> Submission:
    return Submission(
        token=handover.token,
        job_name=handover.slurm_job_name,
        comment=handover.comment,
        directory=handover.directory,
        files=handover.files,
    )


def _refused(answer: SubmissionAnswer) -> bool:
    return answer.error is None or isinstance(answer.error, SubmissionRefused)


def _apply(drive: Drive, handovers: Sequence[Handover], answers: Sequence[SubmissionAnswer]) -> None:
    now = drive.now()
    by_token = {answer.token: answer for answer in answers}
    with drive.apply() as session:
        rows = _rows(session, handovers)
        for handover in handovers:
            _apply_one(session, *rows[handover.job_id], by_token.get(handover.token), now)


def _apply_one(session: Session, job: Job, attempt: Attempt, answer: SubmissionAnswer | None, now: datetime) -> None:
    if answer is None or (answer.slurm_job_id is None and answer.error is None):
        attempt.unconfirmed_since = now
        record_event(session, job.id, "warning", "sbatch gave no answer: looking the job up by its token", now)
    elif answer.slurm_job_id is not None:
        confirm(session, job, attempt, answer.slurm_job_id, now)
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
