"""Use of limits: jobs from their claim to their end, and nothing that no limit counts."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_attempt, make_job, make_limit, make_user
from tuning.jobs.models import Job
from tuning.jobs.queries.use import limits as queries
from tuning.jobs.queries.use.limits import limited_jobs, live_jobs, load_limits, queued_tallies, start_uses, uses
from tuning.jobs.status import JobStatus
from tuning.queue.limits.limit import LimitKind, Limits, Place, Tally


@pytest.mark.parametrize("status", JobStatus)
def test_a_job_holds_from_its_claim_to_its_end(session: Session, status: JobStatus) -> None:
    job = make_job(session, make_user(session), status=status)
    holds = status in (JobStatus.SUBMITTING, JobStatus.PENDING, JobStatus.RUNNING)
    assert [each.id for each in live_jobs(session)] == ([job.id] if holds else [])


def test_a_run_without_an_estimate_ends_by_its_time_limit(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.RUNNING, attempt=2, limit_seconds=7200)
    make_attempt(session, job, number=1, started_at=NOON - timedelta(days=1))
    make_attempt(session, job, number=2, started_at=NOON)
    assert live_jobs(session)[0].expected_end_at == NOON + timedelta(hours=2)
    job.expected_end_at = NOON + timedelta(hours=1)
    session.flush()
    assert live_jobs(session)[0].expected_end_at == NOON + timedelta(hours=1)


def test_jobs_come_in_the_order_of_their_ids(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "AT_ONCE", 2)
    user = make_user(session)
    ids = [make_job(session, user, gpus=number, partition="gpu").id for number in range(5)][::-1]
    found = limited_jobs(session, [*ids, "job_gone"])
    assert [job.id for job in found] == ids
    assert found[0].place == Place("ada", "lab", "lab", "gpu", "normal")
    assert [job.gpus for job in found] == [4, 3, 2, 1, 0]


def test_waiting_and_held_jobs_are_queued(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    for status in JobStatus:
        make_job(session, ada, status=status)
    make_job(session, bob, job_class="urgent", partition="gpu")
    place = Place("ada", "lab", "lab", "", "normal")
    assert queued_tallies(session, Job.owner_id == ada.id) == [Tally(place, 2)]
    assert sum(tally.amount for tally in queued_tallies(session)) == 3


def test_what_no_limit_counts_is_not_asked_for(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    make_job(session, make_user(session), status=JobStatus.RUNNING)
    make_limit(session, LimitKind.QUEUED_JOBS, 5)
    limits = load_limits(session)
    monkeypatch.setattr(queries, "live_jobs", lambda _session: pytest.fail("nobody counts what runs"))
    assert uses(session, limits, NOON) == {}
    assert uses(session, Limits(), NOON) == {}


def test_of_a_job_that_is_to_start_nothing_that_waits_is_counted(session: Session) -> None:
    user = make_user(session)
    make_job(session, user)
    make_job(session, user, status=JobStatus.RUNNING)
    make_limit(session, LimitKind.QUEUED_JOBS, 5)
    running = make_limit(session, LimitKind.RUNNING_JOBS, 5)
    limits = load_limits(session)
    assert {account: use.amount for account, use in start_uses(session, limits, NOON).items()} == {(running.id, ""): 1}
    assert len(uses(session, limits, NOON)) == 2
