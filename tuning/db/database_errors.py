"""Database errors told apart: the whole database's trouble, or the fault of what was asked of it.

The drivers disagree about it: a replica that takes no writes is an InternalError of psycopg's, a table that is not
restored yet a ProgrammingError, and a value too long for an index an OperationalError. An engine that `retell` listens
to (tuning.db.engine.open_engine) raises OperationalError for the first kind and for nothing else.
"""

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_TROUBLE = (OperationalError, PoolTimeout)
"""What is waited for: the same again, later, may work."""

_READ_ONLY = "25006"
_STOOD_STILL = "25P03"  # PostgreSQL's idle_in_transaction_session_timeout
_PLAN_CHANGED = "0A000"
_NEEDS_A_NEW_CONNECTION = (_READ_ONLY, _STOOD_STILL, _PLAN_CHANGED)
"""A pooled connection may lead to the machine that was the primary, or know the tables of before a restore."""
_FAULTS = ("21", "22", "23", "42", "54")
"""Classes of SQLSTATE (PostgreSQL, appendix A) that speak of the statement or its values."""
_SCHEMA_AWAY = ("42P01", "42703", "42501", "42704")
"""Of these, what a database says that is not migrated, or not restored yet: no such table, column or type, no right."""
_SQLITE_SCHEMA_AWAY = ("no such table", "no such column", "has no column", "no such index", "unable to use function")


def retell(context: ExceptionContext) -> DBAPIError | None:
    """The error to raise in a driver's place; None where the driver's kind is right already."""
    told, error = context.sqlalchemy_exception, context.original_exception
    if not isinstance(told, DBAPIError):
        return None
    if _state(error) in _NEEDS_A_NEW_CONNECTION:
        context.is_disconnect = True
    is_trouble = context.is_disconnect or is_database_trouble(told, error)
    if is_trouble == isinstance(told, OperationalError):
        return None
    kind = OperationalError if is_trouble else DataError
    return kind(context.statement, None, error, connection_invalidated=context.is_disconnect)


def is_database_trouble(told: DBAPIError, error: BaseException) -> bool:
    """Whether any other statement would fare alike; `error` is the driver's own."""
    state = _state(error)
    if state is not None:
        return state in _SCHEMA_AWAY or not state.startswith(_FAULTS)
    if getattr(error, "sqlite_errorname", None) == "SQLITE_ERROR":
        return any(words in str(error) for words in _SQLITE_SCHEMA_AWAY)
    is_sqlite = type(error).__module__ == "sqlite3"
    if isinstance(told, InterfaceError):
        return not is_sqlite  # sqlite3's word for a value that it cannot bind, psycopg's for a closed connection
    return isinstance(told, OperationalError | InternalError) or type(told) is DatabaseError


def complaint(error: BaseException) -> str:
    """The driver's own words, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _state(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None
