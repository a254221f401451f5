"""Databases by their URLs, before anything is opened or made there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ops.database_words import unusable
from tuning.db.engine import open_engine
from tuning.errors import PacktrainError

_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
_FORMS = "it is sqlite:////folder/packtrain.db or postgresql+psycopg://user@host/database"
_HOW_TO_MAKE = "PACKTRAIN_DATABASE_URL names it; `packtrain migrate` makes its tables"


def read_url(database_url: str) -> URL:
    """A database's URL. Raises PacktrainError where it names no file and no PostgreSQL."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError) as error:
        raise PacktrainError("what should be a database's URL is none", hint=_FORMS) from error
    if url.drivername not in _DRIVERS or url.database in (None, "", ":memory:"):
        shown = url.render_as_string(hide_password=True)
        raise PacktrainError(f"{shown} is no database that packtrain can stand on", hint=_FORMS)
    return url


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """The engine of a database, closed at the end. Raises PacktrainError in place of whatever its driver raises."""
    engine = open_engine(database_url)
    try:
        yield engine
    except DBAPIError as error:
        raise unusable(engine.url, error, f"may this account read and change it? {_HOW_TO_MAKE}") from error
    finally:
        engine.dispose()


@contextmanager
def opened_existing(database_url: str) -> Iterator[Engine]:
    """As `opened`, of a database that is there: looking at SQLite would make an empty file."""
    file = sqlite_file(read_url(database_url))
    if file is not None and not file.exists():
        raise PacktrainError(f"there is no database {file}", hint=_HOW_TO_MAKE)
    with opened(database_url) as engine:
        yield engine
