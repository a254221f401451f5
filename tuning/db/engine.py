"""The database: engine, sessions, and the base of every table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Engine, Executable, MetaData, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator, UserDefinedType

from tuning.db.database_errors import retell
from tuning.db.sqlite_files import watch_files

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  as SQLite keeps times
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

JsonValue = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on both databases; SQLite alone would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime was given to the database")
        return value.astimezone(UTC) if value is not None else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """In one call from what the driver gives: there are a dozen times in many a row."""
        return _from_text if dialect.name == "sqlite" else _from_moment


class UtcSeconds(UserDefinedType[float]):
    """A stored UTC time, never NULL, that is read as seconds since 1970: a third of a datetime's cost."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], float]:
        """In one call from what the driver gives."""
        return _seconds_from_text if dialect.name == "sqlite" else datetime.timestamp


class Base(DeclarativeBase):
    """Base of every table; unloaded relations raise instead of asking the database in secret."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JsonValue, list[Any]: JsonValue}  # noqa: RUF012


def open_engine(database_url: str, *, standstill_seconds: float | None = None) -> Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://...`; the dialects' differences end here.

    A transaction in which nothing happens for `standstill_seconds` is ended by PostgreSQL: a process that was stopped
    in the middle of one would hold its locks for as long as it sleeps. Whatever keeps the database from its work is an
    OperationalError, by whatever class its driver calls it (tuning.db.database_errors).
    """
    if database_url.startswith("sqlite"):
        engine = create_engine(database_url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _set_up_sqlite)
        watch_files(engine)
        event.listen(engine, "handle_error", retell)
        return engine
    engine = create_engine(database_url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    if standstill_seconds is not None:
        event.listen(engine, "connect", partial(_limit_standstill, round(standstill_seconds * 1000)))
    event.listen(engine, "handle_error", retell)
    return engine


def open_sessions(engine: Engine) -> sessionmaker[Session]:
    """The sessions of an engine; objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One step, one transaction: committed at the end, rolled back on any error."""
    with sessions() as session, session.begin():
        yield session


NEWS_CHANNEL = "packtrain_news"
"""On PostgreSQL a transaction that writes an event is heard of here once it is committed (tuning.db.notify)."""
_LOCKED_IN = "event_order_locked_in"


def lock_event_order(session: Session) -> None:
    """Make event ids become visible in their order: on PostgreSQL a later id could be committed first.

    SQLite has one writer at a time, so there is nothing to do there. Asked for once in a transaction, however many
    events it writes.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    connection = session.connection()
    if session.info.get(_LOCKED_IN) is not session.get_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock(7042019), pg_notify('{NEWS_CHANNEL}', '')"))
        session.info[_LOCKED_IN] = session.get_transaction()


def insert_if_new(session: Session, row: type[Base], values: dict[str, Any], *, unique: tuple[str, ...]) -> bool:
    """Insert a row, or do nothing and answer False where the columns `unique` hold these values already.

    For what two requests may create at the same moment: a broken constraint would cost the whole transaction.
    """
    statement = _quiet_insert(row, session.get_bind().dialect.name, unique)
    # On the connection, and values beside the statement: the ORM's own way to one row costs three times as much.
    options = {"preserve_rowcount": True}
    return session.connection().execute(statement, values, execution_options=options).rowcount == 1


@cache
def _quiet_insert(row: type[Base], dialect: str, unique: tuple[str, ...]) -> Executable:
    insert = postgresql.insert(row) if dialect == "postgresql" else sqlite.insert(row)
    return insert.on_conflict_do_nothing(index_elements=unique)


def _from_text(text: str | None) -> datetime | None:
    return _utc(text) if text is not None else None


def _from_moment(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None


def _seconds_from_text(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:  # nearly always: to give it a zone would be most of the time that this takes
        return (moment - _EPOCH).total_seconds()
    return moment.timestamp()


def _utc(text: str) -> datetime:
    """A time as SQLite keeps it: we write it without an offset, and others' statements may have written one."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _limit_standstill(milliseconds: int, connection: Any, _entry: ConnectionPoolEntry) -> None:
    # not among the options of the connection's start: PgBouncer refuses those
    connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
    connection.commit()


def _set_up_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
