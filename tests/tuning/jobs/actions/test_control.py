"""Cancel, hold and release, on both kinds of database."""

from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.jobs.actions.control import cancel_job, hold_job
from tuning.jobs.status import JobStatus


def test_a_wish_to_cancel_takes_the_wish_to_hold_back(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.RUNNING)
    hold_job(session, job.id, "ada", NOON)
    assert job.hold_requested_at == NOON
    cancelled = cancel_job(session, job.id, "ada", NOON)
    assert (cancelled.cancel_requested_at, cancelled.hold_requested_at) == (NOON, None)
