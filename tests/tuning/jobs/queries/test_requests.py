"""Jobs counted by cluster and status."""

from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.jobs.queries.requests import active_counts, counts
from tuning.jobs.status import JobStatus


def test_jobs_that_have_ended_are_not_among_the_active(session: Session) -> None:
    owner = make_user(session)
    for status in (JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.HELD, JobStatus.FAILED):
        make_job(session, owner, status=status)
    make_job(session, owner, cluster="other", status=JobStatus.RUNNING)
    active = {("lab", "queued", 2), ("lab", "running", 1), ("lab", "held", 1)}
    assert set(active_counts(session, ["lab"])) == active
    assert set(counts(session)) == active | {("lab", "failed", 1), ("other", "running", 1)}
