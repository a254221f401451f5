"""Jobs that failed with one that they waited for are retried behind its retry, in the order of their waiting."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOON, make_cluster_settings, make_job, make_user
from tuning.errors import Conflict, InvalidInput
from tuning.jobs.actions import retry_dependents as module
from tuning.jobs.actions.intake import Surroundings
from tuning.jobs.actions.retry_dependents import retry_dependents
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.queries.dependencies import add_dependencies, dependencies_of
from tuning.jobs.queries.sources import source_jobs
from tuning.jobs.request.resources import UNKNOWN_CLUSTER
from tuning.jobs.status import JobStatus
from tuning.people.audit import SERVICE
from tuning.people.models import LAB_TEAM_ID, User

FAILED: dict[str, Any] = {"code": "dependency", "message": "m", "hint": None, "evidence": []}
CONFIG = {"model_name_or_path": "tiny-qwen2", "stage": "sft", "dataset": "identity", "template": "qwen"}


def around(session: Session) -> Surroundings:
    return Surroundings(
        clusters={"lab": make_cluster_settings()},
        view_of=lambda _name: UNKNOWN_CLUSTER,
        uploads=lambda _ids: [],
        uploads_by_name=lambda _names: {},
        model_aliases=lambda _cluster: {},
        jobs=lambda ids: source_jobs(session, ids),
        team_of=lambda name: LAB_TEAM_ID if name in (None, "lab") else None,
        team_name=lambda _id: "lab",
        missing_secrets=lambda _names: [],
    )


def failed(session: Session, user: User, *awaited: str, **columns: Any) -> Job:
    values = {"status": JobStatus.FAILED, "failure": FAILED, "config": CONFIG, **columns}
    job = make_job(session, user, **values)
    add_dependencies(session, job.id, awaited)
    return job


def test_a_chain_is_made_anew_behind_its_first(session: Session) -> None:
    user = make_user(session)
    first = failed(session, user, failure={"code": "crashed"})
    second = failed(session, user, first.id)
    third = failed(session, user, second.id, first.id, source_job=second.id, config={"dataset": "identity"})
    new = make_job(session, user, retry_of=first.id)
    again = retry_dependents(session, first.id, new, around(session), SERVICE, NOON)
    assert [(job.retry_of, job.status, job.owner_id) for job in again] == [
        (second.id, JobStatus.QUEUED, user.id),
        (third.id, JobStatus.QUEUED, user.id),
    ]
    waits_for = dependencies_of(session, [job.id for job in again])
    assert waits_for == {again[0].id: [new.id], again[1].id: sorted([new.id, again[0].id])}
    assert again[1].source_job == again[0].id
    (event,) = session.scalars(select(JobEvent).where(JobEvent.job_id == new.id))
    assert event.message == f"2 jobs that depended on {first.id} and failed with it: retried too"
    assert event.data == {"retried": [job.id for job in again]}


def test_only_what_failed_with_it_and_is_of_the_same_owner_comes_along(session: Session) -> None:
    user, other = make_user(session), make_user(session, name="bob")
    first = failed(session, user, failure={"code": "crashed"})
    failed(session, other, first.id)
    failed(session, user, first.id, failure={"code": "crashed"})
    failed(session, user, first.id, status=JobStatus.CANCELLED)
    new = make_job(session, user, retry_of=first.id)
    assert retry_dependents(session, first.id, new, around(session), SERVICE, NOON) == []
    assert session.scalars(select(JobEvent)).all() == []


def test_one_that_can_no_longer_be_run_is_named(session: Session) -> None:
    user = make_user(session)
    first, other = failed(session, user), failed(session, user, failure={"code": "crashed"})
    second = failed(session, user, first.id, other.id)
    new = make_job(session, user, retry_of=first.id)
    with pytest.raises(InvalidInput, match=f"{second.id} cannot be retried: {other.id} is failed") as refused:
        retry_dependents(session, first.id, new, around(session), SERVICE, NOON)
    assert refused.value.findings[0].loc == ("with_dependents",)


def test_there_is_a_bound(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEPENDENTS", 1)
    user = make_user(session)
    first = failed(session, user, failure={"code": "crashed"})
    failed(session, user, failed(session, user, first.id).id)
    new = make_job(session, user, retry_of=first.id)
    with pytest.raises(Conflict, match="more than 1 jobs"):
        retry_dependents(session, first.id, new, around(session), SERVICE, NOON)
