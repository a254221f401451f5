"""Runs that stand still: told with what the node says of them, and ended where the operator wants that."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.paths import slurm_job_name
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.wishes import touch
from tuning.llamafactory.eta import EtaState
from tuning.llamafactory.silence import patience_seconds
from tuning.moments import later
from worker.drive import Drive

log = logging.getLogger(__name__)

STALLED = "stalled"
"""What an attempt is remembered for that was ended because it stood still."""


@dataclass(frozen=True)
class _Quiet:
    """A run that has said nothing for longer than it should."""

    job_id: str
    number: int
    token: str
    slurm_job_id: int


def quiet_until(state: EtaState, now: datetime) -> datetime | None:
    """When a run that says nothing more will be taken to stand still; None where that is never."""
    return later(now, patience_seconds(state))


def tell_stalled(drive: Drive) -> None:
    """At most one run a cycle: its node is asked, which is a remote command. Raises ClusterError."""
    with drive.load() as session:
        quiet = _longest_quiet(session, drive.settings.name, drive.now())
    if quiet is None:
        return
    drive.check()
    facts = drive.cluster.inspect(quiet.slurm_job_id)
    with drive.apply() as session:
        _tell(session, drive, quiet, facts)
    log.warning("%s stands still", quiet.job_id, extra={"action": "stalled", "job_id": quiet.job_id})
    if drive.settings.end_stalled:
        drive.cluster.cancel([(quiet.slurm_job_id, slurm_job_name(quiet.job_id, quiet.number, quiet.token))])


def _longest_quiet(session: Session, cluster: str, now: datetime) -> _Quiet | None:
    wanted = (
        select(Job.id, Attempt.number, Attempt.token, Attempt.slurm_job_id)
        .join(Attempt, (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt))
        .where(
            Job.cluster == cluster,
            Job.status == JobStatus.RUNNING,
            Job.slurm_state == "RUNNING",  # one that Slurm has suspended need not go on
            Job.stalled_since.is_(None),
            Attempt.quiet_until < now,
            Attempt.slurm_job_id.is_not(None),
        )
        .order_by(Attempt.quiet_until)
        .limit(1)
    )
    row = session.execute(wanted).one_or_none()
    return _Quiet(row[0], row[1], row[2], row[3]) if row is not None and row[3] is not None else None


def _tell(session: Session, drive: Drive, quiet: _Quiet, facts: str) -> None:
    job, attempt = session.get_one(Job, quiet.job_id), session.get_one(Attempt, (quiet.job_id, quiet.number))
    now = drive.now()
    job.stalled_since = job.progress_at or attempt.started_at or now
    touch(job, now)
    will_end = drive.settings.end_stalled
    if will_end:
        attempt.ended_by = STALLED
    follow = "; it is ended" if will_end else "; it is left alone: cancel it, or hold and release it"
    message = f"no new step since {job.stalled_since:%Y-%m-%d %H:%M:%S} UTC{follow}"
    record_event(session, job.id, "job.stalled", message, now, {"step": job.current_steps, "node": facts})
