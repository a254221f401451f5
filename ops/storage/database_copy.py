"""Every row of a database in another, empty one: SQLite to PostgreSQL and back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text

from ops.databases import opened, read_url, sqlite_file
from tuning.clusters.models import ClusterRow
from tuning.errors import Conflict, NotFound
from tuning.migrate import is_current, upgrade
from tuning.people.models import LAB_TEAM_ID, Team
from tuning.tables import METADATA

ROWS_AT_ONCE = 200
"""Rows in memory: one may hold a megabyte of a log."""


def copy_database(source_url: str, target_url: str, now: datetime) -> Mapping[str, int]:
    """Copy all rows, or none; answers how many each table has. Raises PacktrainError."""
    source_file = sqlite_file(read_url(source_url))
    if source_file is not None and not source_file.exists():
        raise NotFound(f"there is no database {source_file}", hint="PACKTRAIN_DATABASE_URL names what is copied")
    read_url(target_url)
    with opened(source_url) as source, opened(target_url) as target:
        with source.connect() as connection:
            _require_stopped(connection, now)
        with target.connect() as connection:
            is_bare = not inspect(connection).get_table_names()
        if is_bare:
            upgrade(target_url)
        with _one_moment(source.connect()) as reading, target.begin() as writing:
            _clear(writing)
            _require_empty(writing)
            return _copy_all(reading, writing)


def _require_stopped(source: Connection, now: datetime) -> None:
    if not is_current(source):
        raise Conflict("what is to be copied has another schema than this version", hint="run `packtrain migrate`")
    wanted = select(ClusterRow.name, ClusterRow.lease_owner).where(ClusterRow.lease_expires_at > now)
    for cluster, worker in source.execute(wanted):
        hint = "stop workers and servers: what they write from now on would not be copied"
        raise Conflict(f"the worker {worker} drives {cluster}", hint=hint)


@contextmanager
def _one_moment(connection: Connection) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever others write meanwhile."""
    with connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # sqlite3 begins none for what only reads
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _clear(target: Connection) -> None:
    """Take out what migrations themselves write: the team `lab`. It comes back if anything else is found."""
    if is_current(target):
        target.execute(delete(Team).where(Team.id == LAB_TEAM_ID))


def _require_empty(target: Connection) -> None:
    if not is_current(target):
        hint = "give an empty database, or one that `packtrain migrate` of this version has made"
        raise Conflict("the target has tables, and not those of this version", hint=hint)
    for table in METADATA.sorted_tables:
        if _count(target, table):
            hint = "give an empty database: rows of two packtrains cannot be told apart"
            raise Conflict(f"the target is not empty: there are rows in {table.name}", hint=hint)


def _copy_all(source: Connection, target: Connection) -> Mapping[str, int]:
    counts = {table.name: _copy_table(source, target, table) for table in METADATA.sorted_tables}
    for table in METADATA.sorted_tables:
        if table.autoincrement_column is not None:
            _set_last_id(target, table, _last_id(source, table))
        found = _count(target, table)
        if found != counts[table.name]:
            message = f"{table.name}: {counts[table.name]} rows were read, and {found} are there"
            raise Conflict(message, hint="nothing was copied: does somebody else write to the target?")
    return counts


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    with source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table)) as result:
        for rows in result.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])
            count += len(rows)
    return count


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _last_id(connection: Connection, table: Table) -> int:
    """The last id that was given out, also where its row is gone: a stream of events goes on behind it."""
    if connection.dialect.name == "sqlite":
        statement = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    else:
        statement = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)")
        statement = statement.bindparams(column=_counter(table))
    return connection.execute(statement.bindparams(table=table.name)).scalar() or 0


def _set_last_id(connection: Connection, table: Table, last: int) -> None:
    if not last:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
        statement = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
    else:
        statement = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        statement = statement.bindparams(column=_counter(table))
    connection.execute(statement.bindparams(table=table.name, last=last))


def _counter(table: Table) -> str:
    return str(table.autoincrement_column.name) if table.autoincrement_column is not None else ""
