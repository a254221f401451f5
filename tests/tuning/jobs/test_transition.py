"""The one door for status."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock, make_job, make_user
from tuning.db import transaction
from tuning.errors import Conflict
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import ENDED, TRANSITIONS, JobStatus, may_become
from tuning.jobs.transition import transition

PAIRS = [(old, new) for old in JobStatus for new in JobStatus]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old}-{new}" for old, new in PAIRS])
def test_every_pair_is_allowed_or_refused_as_the_table_says(session: Session, clock: Clock, old: str, new: str) -> None:
    job = make_job(session, make_user(session), status=JobStatus(old))
    session.flush()
    if may_become(JobStatus(old), JobStatus(new)):
        transition(session, job, JobStatus(new), "because", clock())
        assert (job.status, job.status_reason, job.version) == (new, "because", 2)
    else:
        with pytest.raises(Conflict):
            transition(session, job, JobStatus(new), "because", clock())


def test_nothing_follows_an_end() -> None:
    assert all(not TRANSITIONS[status] for status in ENDED)


def test_a_job_that_somebody_else_moved_stays_as_they_left_it(sessions: sessionmaker[Session], clock: Clock) -> None:
    with transaction(sessions) as session:
        job = make_job(session, make_user(session), status=JobStatus.QUEUED)
    with transaction(sessions) as other:
        other.execute(update(Job).values(status=JobStatus.CANCELLED))
    with pytest.raises(Conflict), transaction(sessions) as session:
        transition(session, job, JobStatus.SUBMITTING, "claimed", clock())
    with sessions() as session:
        assert session.get_one(Job, job.id).status is JobStatus.CANCELLED
        assert session.scalars(select(JobEvent)).all() == []


def test_each_change_leaves_an_event_and_its_moment(session: Session, clock: Clock) -> None:
    job = make_job(session, make_user(session), status=JobStatus.PENDING)
    session.flush()
    started = clock() - timedelta(seconds=3)
    transition(session, job, JobStatus.RUNNING, "running on n1", clock(), at=started)
    transition(session, job, JobStatus.SUCCEEDED, "done", clock())
    session.flush()
    session.expire_all()
    events = session.scalars(select(JobEvent).order_by(JobEvent.id)).all()
    assert [(event.type, event.message) for event in events] == [
        ("job.running", "running on n1"),
        ("job.succeeded", "done"),
    ]
    assert (job.started_at, job.finished_at, job.version) == (started, clock(), 3)
