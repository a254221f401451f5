"""SQLite's files looked at before they are written to: a file that was removed or replaced loses what is committed.

SQLite goes on writing to a file that has no name any more, and says nothing. What such a connection has committed is
brought into the database's own file, as long as nobody has begun another log; then it is given up for a new one.
"""

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

log = logging.getLogger(__name__)

_FILES = "packtrain_files"
Files = tuple[tuple[int, int] | None, ...]
"""Device and inode of the database and of its write-ahead log."""


def watch_files(engine: Engine) -> None:
    """Look at the files of an engine's connections whenever one is taken, and before each commit."""
    path = engine.url.database
    if not path or path == ":memory:":
        return

    def connected(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # opens the log
        entry.info[_FILES] = _files(path)

    def checked_out(connection: sqlite3.Connection, entry: ConnectionPoolEntry, _proxy: Any) -> None:
        if _files(path) != entry.info[_FILES]:
            _rescue(connection, path)
            raise DisconnectionError("the database's files were replaced")

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", checked_out)
    event.listen(engine, "commit", _before_commit(path))


def _before_commit(path: str) -> Callable[[Connection], None]:
    def check(connection: Connection) -> None:
        pooled = connection.connection
        if _files(path) == pooled.info[_FILES]:
            return
        reason = sqlite3.OperationalError(f"files of {path} were removed or replaced: nothing was written")
        raise OperationalError("COMMIT", None, reason)

    return check


def _rescue(connection: sqlite3.Connection, path: str) -> None:
    """Bring what is in a log without a name into the database, if that is still the same file."""
    log.error("files of the database %s were removed or replaced", path, extra={"action": "database_files"})
    if Path(f"{path}-wal").exists():
        return
    try:
        connection.rollback()
        _, frames, done = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    except sqlite3.Error as error:
        log.warning("its log cannot be saved: %s", error, extra={"action": "database_files"})
    else:
        log.warning("%s of %s pages of its log were saved", done, frames, extra={"action": "database_files"})


def _files(path: str) -> Files:
    return tuple(_identity(file) for file in (path, f"{path}-wal"))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - several times with each transaction: a Path costs more than the look
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
