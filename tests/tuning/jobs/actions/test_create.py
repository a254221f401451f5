"""Actions of users on jobs, on both kinds of database."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.errors import Conflict, InvalidInput, NotFound
from tuning.jobs.actions.create import Asker, change_job, delete_job, first_events, known_job, request_of, require_ended
from tuning.jobs.models import Job, JobEvent, JobTag
from tuning.jobs.queries.dependencies import add_dependencies
from tuning.jobs.request.spec import JobChange, JobRequest
from tuning.jobs.status import ENDED, JobStatus
from tuning.people.roles import Visibility
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal

ADA = Principal("user_ada", "ada", "tok_ada", Scope.SUBMIT)


def events_of(session: Session, job: Job) -> list[str]:
    session.flush()
    found = select(JobEvent.message).where(JobEvent.job_id == job.id).order_by(JobEvent.id)
    return list(session.scalars(found))


def test_a_priority_of_0_is_a_change_like_any_other(session: Session) -> None:
    job = make_job(session, make_user(session), priority=5, tags={"team": "mt"})
    change_job(session, job.id, JobChange(priority=0), "ada", NOON)
    session.flush()
    session.expire_all()
    assert (job.priority, session.scalars(select(JobTag.priority)).all(), job.version) == (0, [0], 2)
    assert events_of(session, job) == ["priority changed by ada"]


def test_an_empty_change_leaves_no_trace(session: Session) -> None:
    job = make_job(session, make_user(session))
    assert change_job(session, job.id, JobChange(), "ada", NOON).version == 1
    assert events_of(session, job) == []


def test_tags_are_replaced_as_a_whole_and_name_what_changed(session: Session) -> None:
    job = make_job(session, make_user(session), tags={"team": "mt", "run": "3"})
    change_job(session, job.id, JobChange(tags={"run": "4"}, name="better"), "ada", NOON)
    session.flush()
    rows = session.execute(select(JobTag.key, JobTag.value).where(JobTag.job_id == job.id)).all()
    assert ([tuple(row) for row in rows], job.name) == ([("run", "4")], "better")
    assert events_of(session, job) == ["name, tags changed by ada"]


@pytest.mark.parametrize(
    ("old", "new", "is_refused"), [(0, 11, True), (0, -11, True), (0, -10, False), (99, 99, False)]
)
def test_a_priority_beyond_ones_own_is_refused_unless_it_stands(
    session: Session, old: int, new: int, is_refused: bool
) -> None:
    job = make_job(session, make_user(session), priority=old)
    if is_refused:
        with pytest.raises(InvalidInput, match="administrators"):
            change_job(session, job.id, JobChange(priority=new), "ada", NOON, highest_priority=10)
    else:
        change_job(session, job.id, JobChange(priority=new), "ada", NOON, highest_priority=10)
    assert job.priority == (old if is_refused else new)


@pytest.mark.parametrize("status", JobStatus)
def test_only_an_ended_job_is_deleted_or_retried(session: Session, status: JobStatus) -> None:
    job = make_job(session, make_user(session), status=status)
    if status in ENDED:
        require_ended(job)
        delete_job(session, job.id, ADA)
        assert session.scalar(select(Job.id)) is None
        with pytest.raises(NotFound):
            delete_job(session, job.id, ADA)
    else:
        with pytest.raises(Conflict, match=f"is {status}"):
            require_ended(job)
        with pytest.raises(Conflict, match=f"is {status}"):
            delete_job(session, job.id, ADA)


def test_a_job_that_others_wait_for_is_not_deleted(session: Session) -> None:
    user = make_user(session)
    job, waiter = make_job(session, user, status=JobStatus.SUCCEEDED), make_job(session, user)
    ended = make_job(session, user, status=JobStatus.FAILED)
    for one in (waiter, ended):
        add_dependencies(session, one.id, [job.id])
    hidden = Principal("user_x", "x", "tok_x", Scope.SUBMIT, visible=Visibility.OWN)
    with pytest.raises(Conflict, match=r"needed by 1 job of others$"):
        delete_job(session, job.id, hidden)
    with pytest.raises(Conflict, match=f"needed by {waiter.id}$"):
        delete_job(session, job.id, ADA)
    waiter.status = JobStatus.CANCELLED
    session.flush()
    delete_job(session, job.id, ADA)
    assert job.id not in session.scalars(select(Job.id)).all()


def test_a_key_names_a_job_of_its_owner_and_one_request(session: Session) -> None:
    user, other = make_user(session), make_user(session, name="bob")
    job = make_job(session, user, idempotency_key="k", request_sha256="a" * 64)
    assert known_job(session, Asker(user.id, "k"), "a" * 64) is job
    assert known_job(session, Asker(other.id, "k"), "a" * 64) is None
    assert known_job(session, Asker(user.id, "l"), "a" * 64) is None
    with pytest.raises(InvalidInput, match=job.id):
        known_job(session, Asker(user.id, "k"), "b" * 64)


def test_changes_are_laid_over_a_jobs_own_request(session: Session) -> None:
    job = make_job(session, make_user(session), priority=500, tags={"team": "mt"}, keep_checkpoints=2)
    changes = JobRequest(config={"learning_rate": 1e-5}, resources={"nodes": 2}, tags={"run": "2"})
    found = request_of(session, job, changes, highest_priority=100)
    assert found.config == {**job.config, "learning_rate": 1e-5}
    assert found.resources.model_dump(exclude_none=True) == {**job.resources, "nodes": 2}
    assert (found.priority, found.tags, found.name, found.keep_checkpoints) == (100, {"run": "2"}, job.name, 2)
    job.priority = -500
    assert request_of(session, job, JobRequest(), highest_priority=100).priority == -100


def test_a_copy_stays_in_the_team_unless_another_is_named(session: Session) -> None:
    job = make_job(session, make_user(session))
    assert request_of(session, job, JobRequest(), team="mt").team == "mt"
    assert request_of(session, job, JobRequest(team="rl"), team="mt").team == "rl"
    assert request_of(session, job, JobRequest(), team=None).team is None


def test_neither_a_check_nor_a_text_is_laid_over(session: Session) -> None:
    user = make_user(session)
    with pytest.raises(Conflict, match="is a check of data"):
        request_of(session, make_job(session, user, kind="check"), JobRequest())
    with pytest.raises(InvalidInput, match="only config"):
        request_of(session, make_job(session, user), JobRequest(config_yaml="a: 1"))


def test_the_first_events_tell_the_notes_and_the_state() -> None:
    created, queued = first_events(JobStatus.QUEUED, NOON, ["a note"], ["a warning"])
    assert (created["type"], created["data"]) == ("job.created", {"notes": ["a note"], "warnings": ["a warning"]})
    assert (queued["type"], queued["data"]) == ("job.queued", {"from": None, "to": "queued", "attempt": 0})


def test_null_takes_an_argument_away_from_a_jobs_own(session: Session) -> None:
    job = make_job(session, make_user(session), config={"stage": "sft", "max_steps": 3})
    request = request_of(session, job, JobRequest(config={"max_steps": None, "deepspeed": None, "stage": "pt"}))
    assert request.config == {"stage": "pt", "deepspeed": None}
