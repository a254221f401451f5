"""Troubles of a job: each try waits longer, is told once, and goes with the job."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.errors import RemoteFileError
from tuning.jobs.models import Job, JobEvent, Trouble
from tuning.jobs.queries.driver import waiting
from tuning.jobs.queries.requests import delete_job
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Step,
    Subject,
    counts,
    ended_subjects,
    is_held,
    note_failure,
    pause,
)


@given(st.integers(min_value=-(2**63), max_value=2**63))
def test_a_pause_is_bounded_whatever_is_counted(failures: int) -> None:
    assert FIRST_PAUSE <= pause(failures) <= LONGEST_PAUSE


def test_each_pause_is_longer_than_the_one_before() -> None:
    pauses = [pause(failures) for failures in range(1, 7)]
    assert pauses == sorted(set(pauses))


@pytest.mark.parametrize(
    ("ahead", "held"), [(1, True), (600, True), (0, False), (-1, False), (601, False), (3600 + 15, False)]
)
def test_a_clock_that_jumped_back_keeps_nobody_waiting(ahead: int, held: bool) -> None:
    assert is_held(NOON + timedelta(seconds=ahead), NOON) is held


def fail(session: Session, job: Job, error: BaseException, step: Step = Step.SUBMIT) -> None:
    note_failure(session, "lab", step, Subject.job(job.id), error, NOON)
    session.flush()


def warnings(session: Session, job: Job) -> list[str]:
    wanted = select(JobEvent.message).where(JobEvent.job_id == job.id, JobEvent.type == "warning")
    return list(session.scalars(wanted.order_by(JobEvent.id)))


def test_the_job_is_told_once_of_each_new_error(session: Session) -> None:
    job = make_job(session, make_user(session))
    for error in (ValueError("1"), ValueError("2"), KeyError("3"), KeyError("4")):
        fail(session, job, error)
    told = warnings(session, job)
    assert [("ValueError" in one, "KeyError" in one) for one in told] == [(True, False), (False, True)]
    assert all("it is tried again at 2026-11-21 12:0" in one for one in told)
    [row] = session.scalars(select(Trouble)).all()
    assert (row.failures, row.error, row.message, row.job_id) == (4, "KeyError", "'4'", job.id)


def test_a_queued_job_says_why_it_waits_in_the_words_of_an_error_of_ours(session: Session) -> None:
    job = make_job(session, make_user(session))
    fail(session, job, RemoteFileError("its folder cannot be written"))
    assert "its folder cannot be written" in (job.status_reason or "")
    assert job.version == 2


def test_an_error_nobody_foresaw_tells_nothing_of_its_words_to_everybody(session: Session) -> None:
    job = make_job(session, make_user(session))
    fail(session, job, ValueError("somebody's row"))
    assert "somebody" not in f"{job.status_reason}{warnings(session, job)}"


def test_what_failed_at_a_job_goes_with_it(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.FAILED)
    fail(session, job, ValueError())
    delete_job(session, job.id)
    fail(session, job, ValueError())
    assert session.scalars(select(Trouble)).all() == []


def test_only_the_job_that_waits_for_its_next_try_is_left_out(session: Session) -> None:
    owner = make_user(session)
    poison, others = make_job(session, owner), {make_job(session, owner).id for _ in range(3)}
    fail(session, poison, ValueError())
    assert waiting(session, "lab", 10, NOON).keys() == others
    assert waiting(session, "lab", 10, NOON + FIRST_PAUSE).keys() == others | {poison.id}


def test_jobs_whose_data_cannot_be_copied_leave_places_to_others(session: Session) -> None:
    owner = make_user(session)
    first = make_job(session, owner, priority=5)
    data = make_dataset(session, owner, job=first)
    other = make_job(session, owner)
    note_failure(session, "lab", Step.STAGE, Subject(data.id, [first.id]), RemoteFileError("too large"), NOON)
    session.flush()
    assert waiting(session, "lab", 1, NOON).keys() == {other.id}
    assert waiting(session, "lab", 1, NOON + FIRST_PAUSE).keys() == {first.id}


def test_a_cluster_with_nothing_but_poison_is_not_asked_of(session: Session) -> None:
    fail(session, make_job(session, make_user(session)), ValueError())
    assert not waiting(session, "lab", 9, NOON)


def test_of_ended_jobs_only_what_is_to_be_removed_is_still_tried(session: Session) -> None:
    owner = make_user(session)
    ended = make_job(session, owner, status=JobStatus.SUCCEEDED)
    fail(session, ended, ValueError(), Step.WATCH)
    fail(session, ended, ValueError(), Step.REMOVE)
    fail(session, make_job(session, owner), ValueError())
    assert ended_subjects(session, "lab") == [(Step.WATCH, ended.id)]
    assert sorted(counts(session)) == [("lab", "remove", 1), ("lab", "submit", 1), ("lab", "watch", 1)]
