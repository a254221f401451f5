"""Events of jobs and the notices about them: written together, or not at all."""

from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job, make_user, make_webhook
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent
from tuning.jobs.queries.requests import insert_belongings
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import Step, correct, record_event, transition, transition_all
from tuning.notices.models import Delivery


def told(session: Session) -> list[tuple[str, str]]:
    """(webhook, event) of each delivery, in order."""
    return [(row.webhook_id, row.event) for row in session.scalars(select(Delivery).order_by(Delivery.number))]


def test_each_way_to_write_an_event_writes_its_notices(session: Session) -> None:
    ada = make_user(session)
    hook, job = make_webhook(session, ada).id, make_job(session, ada)
    first: list[dict[str, Any]] = [
        {"at": NOON, "type": f"job.{word}", "message": word, "data": {}} for word in ("created", "queued")
    ]
    insert_belongings(session, job, {}, (), first)
    transition_all(session, [Step(job.id, 1, "claimed")], JobStatus.QUEUED, JobStatus.SUBMITTING, NOON)
    session.refresh(job)
    transition(session, job, JobStatus.FAILED, "no answer", NOON)
    correct(session, job, JobStatus.SUCCEEDED, "it had ended well", NOON)
    record_event(session, job.id, "warning", "look at it", NOON)
    events = ("created", "queued", "submitting", "failed", "corrected", "succeeded")
    assert told(session) == [(hook, f"job.{word}") for word in events] + [(hook, "warning")]
    assert session.scalars(select(JobEvent.type).order_by(JobEvent.id)).all() == [name for _, name in told(session)]


def test_a_notice_tells_the_job_as_it_is_after_the_event(session: Session) -> None:
    ada = make_user(session)
    make_webhook(session, ada)
    job = make_job(session, ada, status=JobStatus.RUNNING, name="wmt")
    transition(session, job, JobStatus.FAILED, "out of memory", NOON)
    payload = session.scalars(select(Delivery.payload)).one()
    shown = {name: payload["data"]["job"][name] for name in ("id", "name", "status", "owner", "cluster")}
    assert shown == {"id": job.id, "name": "wmt", "status": "failed", "owner": "ada", "cluster": "lab"}
    assert payload["data"]["details"] == {"from": "running", "to": "failed", "attempt": 0}


def test_only_those_are_told_who_chose_the_event_of_their_own_jobs(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    job, other = make_job(session, ada), make_job(session, ada)
    mine = make_webhook(session, ada, events=["job.queued"])
    of_job = make_webhook(session, ada, job=job)
    make_webhook(session, ada, events=["job.failed", "checkpoint.*"])
    make_webhook(session, ada, disabled_at=NOON)
    make_webhook(session, ada, job=other)
    make_webhook(session, bob)
    record_event(session, job.id, "job.queued", "", NOON)
    assert sorted(told(session)) == sorted([(mine.id, "job.queued"), (of_job.id, "job.queued")])


def test_notices_of_many_jobs_are_written_in_the_order_of_their_events(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    hook = make_webhook(session, ada)
    make_job(session, bob)
    jobs = [make_job(session, owner) for owner in (ada, bob, ada)]
    transition_all(session, [Step(job.id, 1, "") for job in jobs], JobStatus.QUEUED, JobStatus.SUBMITTING, NOON)
    rows = session.scalars(select(Delivery).order_by(Delivery.number)).all()
    assert [(row.webhook_id, row.job_id) for row in rows] == [(hook.id, jobs[0].id), (hook.id, jobs[2].id)]


def test_what_is_rolled_back_tells_nobody(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ada = make_user(session)
        make_webhook(session, ada)
        job_id = make_job(session, ada).id
    with sessions() as session:
        record_event(session, job_id, "job.queued", "", NOON)
        assert len(told(session)) == 1
        session.rollback()
        assert told(session) == []


def test_a_jobs_end_takes_its_deliveries_and_webhooks_with_it(session: Session) -> None:
    ada = make_user(session)
    job = make_job(session, ada)
    make_webhook(session, ada, job=job)
    record_event(session, job.id, "job.queued", "", NOON)
    session.delete(session.get_one(Job, job.id))
    session.flush()
    assert told(session) == []


def test_an_event_that_nobody_listens_to_costs_one_query_more(engine: Engine, session: Session) -> None:
    job = make_job(session, make_user(session))
    record_event(session, job.id, "job.queued", "", NOON)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    record_event(session, job.id, "job.queued", "", NOON)
    assert [text.split()[0] for text in statements] == ["INSERT", "SELECT"]
