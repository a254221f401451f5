"""Queries of a worker about its jobs, on both kinds of database."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_dataset, make_job, make_user
from tuning.errors import Conflict
from tuning.jobs.models import Attempt, Job, JobDataset
from tuning.jobs.output.growth import Position, save_position
from tuning.jobs.queries.dependencies import add_dependencies
from tuning.jobs.queries.driver import (
    Confirmed,
    NewAttempt,
    Unconfirmed,
    begin_attempts,
    confirm_attempts,
    doubtful_attempts,
    live_attempts,
    queued_jobs,
    tell_queued,
    unconfirmed,
    update_jobs,
    waiting,
)
from tuning.jobs.status import ENDED, JobStatus


def test_jobs_wait_by_priority_then_age_then_id(session: Session) -> None:
    user = make_user(session)
    late = NOON + timedelta(seconds=1)
    last = make_job(session, user, id="job_a", priority=-1)
    younger = make_job(session, user, id="job_b", created_at=late)
    second, first = (make_job(session, user, id=name) for name in ("job_d", "job_c"))
    urgent = make_job(session, user, id="job_e", priority=1, created_at=late)
    expected = [job.id for job in (urgent, first, second, younger, last)]
    assert list(waiting(session, "lab", 9, NOON)) == expected
    assert list(waiting(session, "lab", 2, NOON)) == expected[:2]
    assert list(waiting(session, "lab", 9, NOON, Job.priority == 0)) == expected[1:4]
    assert [job.id for job in queued_jobs(session, "lab", sorted(expected), NOON)] == expected


def test_who_may_not_be_submitted_does_not_wait(session: Session) -> None:
    user = make_user(session)
    make_job(session, user, cluster="other")
    make_job(session, user, cancel_requested_at=NOON)
    running = make_job(session, user, status=JobStatus.RUNNING)
    add_dependencies(session, make_job(session, user).id, [running.id])
    for status in set(JobStatus) - {JobStatus.QUEUED}:
        make_job(session, user, status=status)
    assert waiting(session, "lab", 9, NOON) == {}
    running.status = JobStatus.SUCCEEDED
    session.flush()
    assert len(waiting(session, "lab", 9, NOON)) == 1


def test_the_data_of_a_job_is_told_in_its_order(session: Session) -> None:
    user = make_user(session)
    job, other = make_job(session, user, id="job_a"), make_job(session, user, id="job_b")
    datasets = [make_dataset(session, user, id=name) for name in ("ds_b", "ds_a")]
    session.add_all(JobDataset(job_id=job.id, position=place, dataset_id=one.id) for place, one in enumerate(datasets))
    session.flush()
    assert waiting(session, "lab", 9, NOON) == {job.id: ("ds_b", "ds_a"), other.id: ()}


def test_a_reason_is_told_to_those_only_who_say_something_else(session: Session) -> None:
    user = make_user(session)
    silent, other, same = (make_job(session, user, status_reason=reason) for reason in (None, "b", "a"))
    held, elsewhere = make_job(session, user, status=JobStatus.HELD), make_job(session, user, cluster="other")
    tell_queued(session, "lab", Job.priority == 0, "a", NOON)
    session.expire_all()
    assert [(job.status_reason, job.version) for job in (silent, other, same)] == [("a", 2), ("a", 2), ("a", 1)]
    assert [(job.status_reason, job.version) for job in (held, elsewhere)] == [(None, 1), (None, 1)]


def test_an_attempt_is_begun_looked_for_and_confirmed(session: Session) -> None:
    job = make_job(session, make_user(session))
    begin_attempts(session, [NewAttempt(job.id, 1, "tok", "script", "yaml", None)], {job.id: {"seed": 1}}, NOON)
    session.expire_all()
    assert (job.status, job.attempt, job.record) == (JobStatus.SUBMITTING, 1, {"seed": 1})
    assert unconfirmed(session, "lab") == [Unconfirmed(job.id, 1, "tok", NOON)]
    attempt = session.get_one(Attempt, (job.id, 1))
    attempt.unconfirmed_since = NOON
    session.flush()
    later = NOON + timedelta(seconds=5)
    confirm_attempts(session, [Confirmed(job.id, 1, 77)], later)
    session.expire_all()
    assert (job.status, job.slurm_job_id, job.slurm_state) == (JobStatus.PENDING, 77, "PENDING")
    had = session.get_one(Attempt, (job.id, 1))
    assert (had.slurm_job_id, had.submitted_at, had.unconfirmed_since) == (77, later, None)
    assert unconfirmed(session, "lab") == []
    assert unconfirmed(session, "other") == []


def test_a_job_that_was_cancelled_meanwhile_is_not_begun(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.CANCELLED)
    with pytest.raises(Conflict, match="no longer queued"):
        begin_attempts(session, [NewAttempt(job.id, 1, "tok", "script", "yaml", None)], {job.id: {}}, NOON)
    session.rollback()


def test_live_are_the_newest_attempts_of_jobs_that_slurm_has(session: Session) -> None:
    user = make_user(session)
    for number, status in enumerate(JobStatus):
        for cluster in ("lab", "other"):
            age = timedelta(seconds=-number)
            job = make_job(session, user, status=status, cluster=cluster, attempt=2, created_at=NOON + age)
            for attempt in (1, 2):
                make_attempt(session, job, number=attempt, slurm_job_id=attempt, submitted_at=NOON)
                save_position(session, job.id, attempt, "stdout", Position(1, attempt, attempt))
    session.flush()
    found = live_attempts(session, "lab")
    assert [(one.status, one.number, one.slurm_job_id) for one in found] == [("running", 2, 2), ("pending", 2, 2)]
    assert [one.positions for one in found] == [{"stdout": Position(1, 2, 2)}] * 2


def test_those_in_doubt_are_looked_at_by_how_long_they_wait(session: Session) -> None:
    user = make_user(session)

    def ended(
        name: str, seconds: int | None, status: JobStatus = JobStatus.FAILED, slurm_job_id: int | None = 1
    ) -> None:
        job = make_job(session, user, id=name, status=status, attempt=1)
        moment = NOON + timedelta(seconds=seconds) if seconds is not None else None
        make_attempt(session, job, slurm_job_id=slurm_job_id, submitted_at=NOON, recheck_at=moment)

    ended("job_a", 0)
    ended("job_b", -2, JobStatus.CANCELLED)
    ended("job_c", -1, JobStatus.SUCCEEDED)
    ended("job_too_soon", 1)
    ended("job_sure", None)
    ended("job_goes_on", -9, JobStatus.RUNNING)
    ended("job_never_in_slurm", -9, slurm_job_id=None)
    found = doubtful_attempts(session, "lab", NOON, 9)
    assert [one.job_id for one in found] == ["job_b", "job_c", "job_a"]
    assert {one.status for one in found} == ENDED
    assert [one.job_id for one in doubtful_attempts(session, "lab", NOON, 1)] == ["job_b"]


def test_a_change_of_many_jobs_grows_each_version(session: Session) -> None:
    user = make_user(session)
    jobs = [make_job(session, user) for _ in range(2)]
    later = NOON + timedelta(seconds=5)
    update_jobs(session, [], later)
    update_jobs(session, [{"id": job.id, "current_steps": number} for number, job in enumerate(jobs)], later)
    session.expire_all()
    assert [(job.current_steps, job.version, job.updated_at) for job in jobs] == [(0, 2, later), (1, 2, later)]
