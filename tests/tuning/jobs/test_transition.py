"""The one door for status."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock, make_job, make_user
from tuning.db.engine import transaction
from tuning.errors import Conflict
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import Step, correct, transition, transition_all

ALLOWED = {
    "held": {"queued", "cancelled"},
    "queued": {"held", "submitting", "failed", "cancelled"},
    "submitting": {"queued", "held", "pending", "failed", "cancelled"},
    "pending": {"running", "queued", "held", "succeeded", "failed", "cancelled"},
    "running": {"pending", "queued", "held", "succeeded", "failed", "cancelled"},
    "succeeded": set[str](),
    "failed": set[str](),
    "cancelled": set[str](),
}
"""The table as it was decided, and not read from the product: nothing follows an end."""
PAIRS = [(old, new) for old in JobStatus for new in JobStatus]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old}-{new}" for old, new in PAIRS])
def test_every_pair_is_allowed_or_refused_as_decided(session: Session, clock: Clock, old: str, new: str) -> None:
    job = make_job(session, make_user(session), status=JobStatus(old))
    session.flush()
    if new in ALLOWED[old]:
        transition(session, job, JobStatus(new), "because", clock())
        assert (job.status, job.status_reason, job.version) == (new, "because", 2)
    else:
        with pytest.raises(Conflict):
            transition(session, job, JobStatus(new), "because", clock())


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old}-{new}" for old, new in PAIRS])
def test_only_wrong_ends_are_corrected(session: Session, clock: Clock, old: str, new: str) -> None:
    failure = {"code": "lost"} if old == JobStatus.FAILED else None
    job = make_job(session, make_user(session), status=JobStatus(old), failure=failure, finished_at=clock())
    session.flush()
    if old in (JobStatus.FAILED, JobStatus.CANCELLED) and new in ("pending", "running", "succeeded"):
        correct(session, job, JobStatus(new), "Slurm runs it", clock())
        session.flush()
        session.expire_all()
        events = session.scalars(select(JobEvent).order_by(JobEvent.id)).all()
        assert [event.type for event in events] == ["job.corrected", f"job.{new}"]
        assert (job.status, job.version) == (new, 2)
        assert (job.finished_at is None, job.failure is None) == (new != "succeeded", new != "succeeded" or not failure)
    else:
        with pytest.raises(Conflict):
            correct(session, job, JobStatus(new), "because", clock())


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


def test_a_job_has_started_when_its_first_attempt_did(session: Session, clock: Clock) -> None:
    job = make_job(session, make_user(session), status=JobStatus.PENDING)
    session.flush()
    first = clock()
    for status in (JobStatus.RUNNING, JobStatus.PENDING, JobStatus.RUNNING):
        transition(session, job, status, "because", clock())
        clock.advance(60)
    assert (job.started_at, job.submitted_at) == (first, first + timedelta(seconds=60))


def test_many_take_a_step_together_as_each_would_alone(sessions: sessionmaker[Session], clock: Clock) -> None:
    with transaction(sessions) as session:
        user = make_user(session)
        jobs = [make_job(session, user, status=JobStatus.SUBMITTING, attempt=1) for _ in range(3)]
    steps = [Step(job.id, 1, f"Slurm job {number}", {"slurm_job_id": number}) for number, job in enumerate(jobs, 7)]
    with transaction(sessions) as session:
        transition_all(session, steps, JobStatus.SUBMITTING, JobStatus.PENDING, clock())
    with sessions() as session:
        moved = [session.get_one(Job, job.id) for job in jobs]
        assert [(job.status, job.slurm_job_id, job.version) for job in moved] == [
            (JobStatus.PENDING, number, 2) for number in (7, 8, 9)
        ]
        assert {job.submitted_at for job in moved} == {clock()}
        events = session.scalars(select(JobEvent).order_by(JobEvent.id)).all()
        assert [(event.job_id, event.type, event.message) for event in events] == [
            (step.job_id, "job.pending", step.reason) for step in steps
        ]


def test_together_is_all_or_none(sessions: sessionmaker[Session], clock: Clock) -> None:
    with transaction(sessions) as session:
        user = make_user(session)
        waiting = make_job(session, user, status=JobStatus.QUEUED)
        gone = make_job(session, user, status=JobStatus.CANCELLED)
    steps = [Step(job.id, 1, "being handed to Slurm") for job in (waiting, gone)]
    with pytest.raises(Conflict, match="1 of 2"), transaction(sessions) as session:
        transition_all(session, steps, JobStatus.QUEUED, JobStatus.SUBMITTING, clock())
    with sessions() as session:
        assert session.get_one(Job, waiting.id).status is JobStatus.QUEUED
        assert session.scalars(select(JobEvent)).all() == []


def test_no_step_but_those_to_slurm_is_taken_together(session: Session, clock: Clock) -> None:
    job = make_job(session, make_user(session), status=JobStatus.RUNNING)
    with pytest.raises(Conflict, match="together"):
        transition_all(session, [Step(job.id, 1, "done")], JobStatus.RUNNING, JobStatus.SUCCEEDED, clock())
