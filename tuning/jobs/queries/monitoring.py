"""Queries for /metrics: how long jobs wait, and of what they fail. Each reads what an index leads to."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus

MOST_CODES = 200
"""Lines of one answer: codes are a closed list, clusters a few."""


def oldest_queued(session: Session) -> list[tuple[str, datetime]]:
    """(cluster, since when), of the queued job that waits longest on each: since it was made, or its last run ended."""
    since = func.coalesce(Attempt.finished_at, Job.created_at, type_=Job.created_at.type)
    last = (Attempt.job_id == Job.id) & (Attempt.number == Job.attempt)
    query = select(Job.cluster, func.min(since, type_=Job.created_at.type)).outerjoin(Attempt, last)
    queued = query.where(Job.status == JobStatus.QUEUED).group_by(Job.cluster).order_by(Job.cluster)
    return [(cluster, at) for cluster, at in session.execute(queued)]


def failures_since(session: Session, since: datetime) -> list[tuple[str, str, int]]:
    """(cluster, code, how many), of the jobs that have failed since then."""
    code = func.coalesce(Job.failure["code"].as_string(), "unknown")
    failed = (Job.status == JobStatus.FAILED, Job.updated_at >= since, Job.finished_at >= since)
    query = select(Job.cluster, code, func.count()).where(*failed).group_by(Job.cluster, code)
    return [(cluster, word, count) for cluster, word, count in session.execute(query.limit(MOST_CODES))]
