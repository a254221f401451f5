"""Jobs that wait inside Slurm and fell far behind in the queue are taken back: they wait here, and keep their age.

It is written down first; then Slurm is told (worker.upkeep.cancel), for as long as it has the job and has not begun it.
The job waits again when its claim is given up, so that it can never begin twice.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.troubles import Step, Subject
from worker.driver import Driver
from worker.quarantine import Quarantine
from worker.submit.launch import TAKEN_BACK

MOST_AT_ONCE = 50
"""As many as are looked at more closely in a cycle (worker.observe.watch): each must give up its claim."""
BACK_IN_QUEUE = "taken back from Slurm: others come first in the queue now"


def take_back(driver: Driver, job_ids: Sequence[str]) -> None:
    """Mark the jobs among these that wait inside Slurm and are not wanted otherwise; no remote command."""
    if not job_ids:
        return
    quarantine = Quarantine(driver, Step.TAKE_BACK, Subject.job)
    quarantine.forget_all_but(job_ids)
    with driver.load() as session:
        room = max(MOST_AT_ONCE - _on_their_way(session, driver.settings.name), 0)
        waiting = list(_waiting_in_slurm(session, quarantine.due(job_ids)))[:room]
    quarantine.succeeded(quarantine.together(waiting, partial(_mark, driver)))


def note_begun_after_all(attempt: Attempt) -> None:
    """A job that Slurm had begun before it was told: it runs on."""
    if attempt.ended_by == TAKEN_BACK:
        attempt.ended_by = attempt.stop_sent_at = None


def _mark(driver: Driver, job_ids: Sequence[str]) -> None:
    with driver.apply() as session:
        for job_id, number in _waiting_in_slurm(session, job_ids).items():
            own = (Attempt.job_id == job_id, Attempt.number == number)
            session.execute(update(Attempt).where(*own).values(ended_by=TAKEN_BACK, stop_sent_at=driver.now()))
            record_event(session, job_id, "warning", BACK_IN_QUEUE, driver.now(), {"code": TAKEN_BACK})


def _on_their_way(session: Session, cluster: str) -> int:
    own = (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt)
    marked = (Job.cluster == cluster, Job.status == JobStatus.PENDING, Attempt.ended_by == TAKEN_BACK)
    return session.scalar(select(func.count()).select_from(Job).join(Attempt, own).where(*marked)) or 0


def _waiting_in_slurm(session: Session, job_ids: Sequence[str]) -> dict[str, int]:
    """Their attempts' numbers, in the order of the ids."""
    wanted = (
        Job.id.in_(job_ids),
        Job.status == JobStatus.PENDING,
        Job.cancel_requested_at.is_(None),
        Job.hold_requested_at.is_(None),
        Attempt.started_at.is_(None),
        Attempt.missing_since.is_(None),
        Attempt.ended_by.is_(None),
    )
    own = (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt)
    found = session.execute(select(Job.id, Job.attempt).join(Attempt, own).where(*wanted))
    numbers = {row.id: row.attempt for row in found}
    return {job_id: numbers[job_id] for job_id in job_ids if job_id in numbers}
