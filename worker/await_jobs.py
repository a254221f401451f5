"""Queued jobs whose dependencies can no longer succeed are ended: they would wait for ever."""

from tuning.jobs.dependencies import dead_ends
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition
from worker.drive import Drive


def end_dead_ends(drive: Drive) -> None:
    """Fail each with the reason. No remote command."""
    with drive.load() as session:
        if not dead_ends(session, drive.settings.name):
            return
    with drive.apply() as session:
        for dead_end in dead_ends(session, drive.settings.name):
            job = session.get_one(Job, dead_end.job_id)
            job.failure = {
                "code": "dependency",
                "message": dead_end.reason,
                "hint": "retry that one, and then this one with its new id",
                "evidence": [],
            }
            transition(session, job, JobStatus.FAILED, dead_end.reason, drive.now())
