"""Sendings of one request that come at the same moment, or in the wrong order; on both kinds of database."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job, make_user
from tuning.db.engine import transaction
from tuning.ids import new_id
from tuning.jobs.actions.repeats import REPEATED_WITHIN, job_of_other_sending, key_of_sending
from tuning.people.models import User

SHA256 = "a" * 64
SOON = timedelta(seconds=1)
ENOUGH_TO_OVERTAKE_SECONDS = 0.3


def send(session: Session, user: User, sent_before: int, now: datetime = NOON) -> str:
    """The id of the job that a sending is answered with."""
    made = job_of_other_sending(session, user.id, SHA256, sent_before, now)
    if made is not None:
        return made.id
    job_id = new_id("job")
    key = key_of_sending(job_id, sent_before)
    return make_job(session, user, id=job_id, request_sha256=SHA256, idempotency_key=key, created_at=now).id


def send_alone(sessions: sessionmaker[Session], user: User, sent_before: int, now: datetime = NOON) -> str:
    """The same in a transaction of its own."""
    with transaction(sessions) as session:
        return send(session, user, sent_before, now)


def made_user(sessions: sessionmaker[Session]) -> User:
    with transaction(sessions) as session:
        return make_user(session)


def test_a_repeat_waits_for_a_sending_that_is_not_committed(sessions: sessionmaker[Session]) -> None:
    user = made_user(sessions)
    with ThreadPoolExecutor(1) as other:
        with transaction(sessions) as session:
            first = send(session, user, 0)
            repeat = other.submit(send_alone, sessions, user, 1, NOON + SOON)
            wait([repeat], timeout=ENOUGH_TO_OVERTAKE_SECONDS)
            assert not repeat.done()
        assert repeat.result() == first


def test_a_repeat_that_overtook_the_first_makes_the_job(sessions: sessionmaker[Session]) -> None:
    user = made_user(sessions)
    with ThreadPoolExecutor(1) as other:
        with transaction(sessions) as session:
            made = send(session, user, 1, NOON + SOON)
            first = other.submit(send_alone, sessions, user, 0)
            wait([first], timeout=ENOUGH_TO_OVERTAKE_SECONDS)
        assert first.result() == made
    assert send_alone(sessions, user, 2, NOON + 2 * SOON) == made


def test_two_first_sendings_make_two_jobs(sessions: sessionmaker[Session]) -> None:
    user = made_user(sessions)
    assert send_alone(sessions, user, 0) != send_alone(sessions, user, 0)
    made = send_alone(sessions, user, 1)
    assert send_alone(sessions, user, 0, NOON + SOON) != made


def test_a_repeat_comes_soon_and_of_the_same_person(sessions: sessionmaker[Session]) -> None:
    user = made_user(sessions)
    with transaction(sessions) as session:
        other = make_user(session, name="bob")
    first = send_alone(sessions, user, 0)
    assert send_alone(sessions, other, 1) != first
    assert send_alone(sessions, user, 1, NOON + REPEATED_WITHIN) == first
    assert send_alone(sessions, user, 1, NOON + REPEATED_WITHIN + SOON) != first
