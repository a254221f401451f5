"""Behaviour that both databases share."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text, type_coerce
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import fresh_postgresql_database
from tests.factories import NOON
from tuning.db.engine import UtcSeconds, insert_if_new, lock_event_order, open_engine, transaction
from tuning.people.models import User
from tuning.people.roles import Role


def test_a_row_that_is_there_already_is_left_as_it_is(session: Session) -> None:
    first = {"id": "user_1", "name": "ada", "role": "administrator", "created_at": NOON}
    assert insert_if_new(session, User, first, unique=("name",))
    assert not insert_if_new(session, User, {**first, "id": "user_2"}, unique=("name",))
    assert session.scalars(select(User.id)).all() == ["user_1"]


def test_times_are_read_to_the_microsecond_also_as_seconds(session: Session) -> None:
    moment = NOON.astimezone(timezone(timedelta(hours=5))) + timedelta(microseconds=123457)
    session.add(User(id="user_1", name="ada", role=Role.MEMBER, created_at=moment, disabled_at=None))
    session.flush()
    seconds = type_coerce(User.created_at, UtcSeconds()).label("seconds")
    created, disabled, read = session.execute(select(User.created_at, User.disabled_at, seconds)).one()
    assert (created, created.tzinfo, disabled, read) == (moment, UTC, None, moment.timestamp())


def test_the_order_of_events_is_locked_once_in_each_transaction(
    engine: Engine, sessions: sessionmaker[Session]
) -> None:
    locks: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        locks.extend([statement] if "advisory" in statement else [])

    event.listen(engine, "before_cursor_execute", note)
    with transaction(sessions) as session:
        lock_event_order(session)
        lock_event_order(session)
    with sessions() as session:
        for _ in range(2):
            lock_event_order(session)
            session.rollback()
    assert len(locks) == (3 if engine.dialect.name == "postgresql" else 0)


def test_a_process_that_stands_still_in_a_transaction_holds_nobody_up(postgresql_server: str) -> None:
    with fresh_postgresql_database(postgresql_server, "template0") as url:
        sleeper, other = open_engine(url, standstill_seconds=0.3), open_engine(url)
        with sleeper.connect() as asleep, other.begin() as awake:
            asleep.execute(text("SELECT pg_advisory_xact_lock(1)"))
            awake.execute(text("SET lock_timeout = '20s'"))
            awake.execute(text("SELECT pg_advisory_xact_lock(1)"))
            with pytest.raises(OperationalError, match="idle-in-transaction"):
                asleep.execute(text("SELECT 1"))
        with sleeper.begin() as again:
            assert again.scalar(text("SELECT 1")) == 1
        sleeper.dispose()
        other.dispose()
