"""What /metrics asks of the jobs."""

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_user
from tuning.jobs.queries.monitoring import failures_since, oldest_queued
from tuning.jobs.status import JobStatus

HOUR = timedelta(hours=1)


def test_a_job_waits_since_it_was_made_or_its_last_run_ended(session: Session) -> None:
    owner = make_user(session)
    make_job(session, owner, created_at=NOON - HOUR)
    make_job(session, owner, created_at=NOON - 2 * HOUR)
    again = make_job(session, owner, created_at=NOON - 9 * HOUR, attempt=1, cluster="other")
    make_attempt(session, again, finished_at=NOON - 3 * HOUR)
    make_job(session, owner, created_at=NOON - 99 * HOUR, status=JobStatus.HELD)
    assert oldest_queued(session) == [("lab", NOON - 2 * HOUR), ("other", NOON - 3 * HOUR)]


def test_failures_are_counted_by_cause_for_a_while(session: Session) -> None:
    owner = make_user(session)

    def failed(code: str | None, hours_ago: int) -> None:
        at = NOON - hours_ago * HOUR
        failure = {"code": code, "message": "m"} if code else None
        make_job(session, owner, status=JobStatus.FAILED, failure=failure, finished_at=at, updated_at=at)

    for code, hours_ago in (("node_fail", 1), ("node_fail", 2), ("out_of_memory", 1), ("out_of_memory", 30), (None, 1)):
        failed(code, hours_ago)
    make_job(session, owner, status=JobStatus.SUCCEEDED, finished_at=NOON)
    assert sorted(failures_since(session, NOON - 24 * HOUR)) == [
        ("lab", "node_fail", 2), ("lab", "out_of_memory", 1), ("lab", "unknown", 1),
    ]  # fmt: skip
