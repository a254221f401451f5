"""Failure of a new job by data that its check has refused: at once, and nothing of it reaches a cluster."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tuning.jobs.attempt.plan import TrainingData
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition

REFUSED_TRAINING_DATA, REFUSED_VALIDATION_DATA = "invalid_training_file", "invalid_validation_file"
_MOST_TOLD = 10


def fail_by_data(session: Session, job: Job, data: TrainingData, *, is_validation: bool, now: datetime) -> None:
    """Let a job that was just made fail, with what the check of its data has found."""
    failure = failure_by_data(data, is_validation=is_validation)
    requests.set_failure(session, job, failure)
    transition(session, job, JobStatus.FAILED, failure["message"], now)


def failure_by_data(data: TrainingData, *, is_validation: bool) -> dict[str, Any]:
    """The failure as the job's row keeps it."""
    told = list(data.refused_for[:_MOST_TOLD])
    found = "; ".join(told) or "nothing more is known of it"
    return {
        "code": REFUSED_VALIDATION_DATA if is_validation else REFUSED_TRAINING_DATA,
        "message": f"the data set {data.id} ({data.name}) was refused by its check: {found}",
        "hint": "correct the file, upload it again, and make a new job with it",
        "evidence": told,
        "retry": None,
    }
