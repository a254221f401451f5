"""Notes on a job about what its run left that no run leaves: one warning event for each file of an attempt."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tuning.jobs.models import JobEvent
from tuning.jobs.transition import record_event

CODE = "set_aside"


def note_set_aside(session: Session, job_id: str, number: int, file: str, why: str, now: datetime) -> None:
    """Tell once that something of this file is not taken in, and why."""
    data = {"code": CODE, "attempt": number, "file": file}
    told = session.scalars(select(JobEvent.data).where(JobEvent.job_id == job_id, JobEvent.type == "warning"))
    if data not in told.all():
        message = f"attempt {number}: something of {file} is set aside: {why}"
        record_event(session, job_id, "warning", message, now, data)
