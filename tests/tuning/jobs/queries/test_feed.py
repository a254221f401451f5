"""The narrow questions of the server's feed."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.errors import NotFound
from tuning.jobs.queries.feed import (
    events_after,
    job_place,
    job_states,
    newest_change,
    newest_event_id,
    versions_since,
)
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.people.roles import Visibility
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

EVERYBODY = Principal("user_a", "ada", "tok_a", Scope.READ)


def test_changes_are_found_by_their_time(session: Session) -> None:
    owner = make_user(session)
    make_job(session, owner, updated_at=NOON - timedelta(seconds=1))
    job = make_job(session, owner, version=7)
    assert versions_since(session, NOON) == [(job.id, 7, NOON)]
    assert newest_change(session) == NOON


def test_without_jobs_nothing_changed(session: Session) -> None:
    assert newest_change(session) is None
    assert newest_event_id(session) == 0


def test_states_have_their_types_and_missing_jobs_are_left_out(session: Session) -> None:
    job = make_job(session, make_user(session), status=JobStatus.RUNNING, loss=1.5, observed_at=NOON)
    (state,) = job_states(session, [job.id, "job_missing"])
    assert state.status is JobStatus.RUNNING
    assert (state.loss, state.eval_loss, state.observed_at) == (1.5, None, NOON)


def test_more_ids_than_one_query_takes(session: Session) -> None:
    owner = make_user(session)
    ids = [make_job(session, owner).id for _ in range(3)]
    wanted = [f"job_{number}" for number in range(1200)] + ids
    assert {state.id for state in job_states(session, wanted)} == set(ids)


def test_events_come_in_order_from_a_place_on(session: Session) -> None:
    owner = make_user(session)
    one, other = make_job(session, owner).id, make_job(session, owner).id
    for number, job_id in enumerate((one, other, one)):
        record_event(session, job_id, "warning", f"number {number}", NOON, {"number": number})
    session.flush()
    every = events_after(session, 0, 10)
    assert [event.message for event in every] == ["number 0", "number 1", "number 2"]
    assert [event.data["number"] for event in events_after(session, every[0].id, 10, one)] == [2]
    assert events_after(session, 0, 1) == every[:1]
    assert newest_event_id(session) == every[-1].id


def test_the_place_of_a_job(session: Session) -> None:
    job = make_job(session, make_user(session), attempt=2)
    place = job_place(session, job.id, EVERYBODY)
    assert (place.cluster, place.attempt) == ("lab", 2)
    with pytest.raises(NotFound, match="job_missing"):
        job_place(session, "job_missing", EVERYBODY)


def test_the_place_of_a_job_that_a_reader_may_not_see_is_not_there(session: Session) -> None:
    job = make_job(session, make_user(session))
    stranger = Principal("user_b", "bob", "tok_b", Scope.READ, visible=Visibility.TEAM)
    with pytest.raises(NotFound, match=job.id):
        job_place(session, job.id, stranger)
