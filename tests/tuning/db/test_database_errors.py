"""Trouble of the whole database is an OperationalError, and the fault of one statement is not, on both databases."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from tests.conftest import fresh_postgresql_database
from tests.factories import NOON
from tuning.db.database_errors import complaint, is_database_trouble
from tuning.db.engine import open_engine
from tuning.people.models import User

USER = {"id": "user_1", "name": "ada", "role": "member", "created_at": NOON}


def error_of(engine: Engine, statement: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    return caught.value


class Replica:
    """A database as every new connection finds it after a failover, or on a file system that went read-only."""

    def __init__(self, engine: Engine) -> None:
        self.is_one = True
        is_postgresql = engine.dialect.name == "postgresql"
        self._words = "SET default_transaction_read_only = on" if is_postgresql else "PRAGMA query_only = 1"
        engine.dispose()
        event.listen(engine, "connect", self._begin)

    def _begin(self, connection: Any, _entry: Any) -> None:
        if self.is_one:
            connection.execute(self._words)
            connection.commit()


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM nowhere", "SELECT nowhere FROM users", "INSERT INTO users (nowhere) VALUES (1)"],
)
def test_a_schema_that_is_not_there_yet_is_waited_for(engine: Engine, statement: str) -> None:
    assert isinstance(error_of(engine, statement), OperationalError)


def test_a_database_that_takes_no_writes_is_waited_for(engine: Engine) -> None:
    Replica(engine)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM users")) == 0
    error = error_of(engine, "UPDATE users SET name = 'b' WHERE 1 = 0")
    assert isinstance(error, OperationalError)
    assert "read" in complaint(error)


def test_a_connection_to_a_replica_is_not_used_again(postgresql_server: str) -> None:
    with fresh_postgresql_database(postgresql_server, "packtrain_template") as url:
        engine = open_engine(url)
        replica = Replica(engine)
        error_of(engine, "UPDATE users SET name = 'b'")
        replica.is_one = False
        with engine.begin() as connection:
            connection.execute(text("UPDATE users SET name = 'b'"))
        engine.dispose()


@pytest.mark.parametrize("values", [{**USER, "name": None}, {**USER, "id": "user_2"}])
def test_a_constraint_is_the_statements_fault(engine: Engine, values: dict[str, Any]) -> None:
    with engine.begin() as connection:
        connection.execute(insert(User), USER)
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(insert(User), values)
    assert not isinstance(caught.value, OperationalError)


def test_a_value_that_no_column_takes_is_the_statements_fault(engine: Engine) -> None:
    large = (
        "SELECT CAST('1e400' AS integer)"
        if engine.dialect.name == "postgresql"
        else "SELECT abs(-9223372036854775807 - 1)"
    )
    assert not isinstance(error_of(engine, large), OperationalError)


class Said(Exception):
    """Words of a driver."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("words")
        self.sqlstate = sqlstate


@pytest.mark.parametrize("state", ["25006", "40P01", "53100", "57P03", "58030", "XX001", "08006", "0A000", "42501"])
def test_what_the_server_cannot_do_now_is_trouble_by_any_class(state: str) -> None:
    assert is_database_trouble(ProgrammingError("", None, Said(state)), Said(state))


@pytest.mark.parametrize("state", ["22P02", "23505", "21000", "42601", "42804", "54000"])
def test_what_one_statement_asked_wrongly_is_none_by_any_class(state: str) -> None:
    assert not is_database_trouble(OperationalError("", None, Said(state)), Said(state))
