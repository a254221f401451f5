"""Word that somebody wrote to the database: whoever waits for work need not ask for it again and again."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from asyncinotify import Inotify, Mask
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tuning.db.engine import NEWS_CHANNEL

_SQLITE_LOOK_SECONDS = 0.05
"""SQLite keeps a number in shared memory that grows with every commit. It is looked at when the kernel tells that a
file beside the database was written to, and this often: a look is cheap, waking up for it again and again is not."""
_SQLITE_COMMIT_SECONDS = (0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.008, 0.013)
"""Pauses between looks behind a write: the number grows once what was written is on the disk, which takes a disk's
time. No further write tells of that moment."""


class News(Protocol):
    """Subscription to writes of the database, for one waiter in one thread."""

    def wait(self, seconds: float) -> bool:
        """True as soon as somebody may have written since the last call; False after this time."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


def open_news(engine: Engine) -> News:
    """From this database. Where it cannot be heard, waiting lasts its full time, and no error is raised."""
    return _SqliteNews(engine) if engine.dialect.name == "sqlite" else _PostgresqlNews(engine)


class _SqliteNews:
    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection()
        # the folder: the file with the newest commits comes and goes
        self._written = _watch(Path(str(engine.url.database)).absolute().parent)
        self._seen = self._version()

    def wait(self, seconds: float) -> bool:
        """See News.wait."""
        deadline = time.monotonic() + seconds
        while not self._is_new():
            if (left := deadline - time.monotonic()) <= 0:
                return False
            if self._is_written(min(left, _SQLITE_LOOK_SECONDS)) and self._is_new_soon():
                return True
        return True

    def close(self) -> None:
        """See News.close."""
        if self._written is not None:
            self._written.close()
        self._connection.close()

    def _is_new(self) -> bool:
        """Whether somebody committed since the last look."""
        seen, self._seen = self._seen, self._version()
        return bool(seen != self._seen)

    def _is_new_soon(self) -> bool:
        """Whether the commit is seen whose writes have begun."""
        for pause_seconds in _SQLITE_COMMIT_SECONDS:
            time.sleep(pause_seconds)
            if self._is_new():
                return True
        return False

    def _is_written(self, seconds: float) -> bool:
        """Whether a file beside the database is written to within this time; every write until now counts as told."""
        if self._written is None:
            time.sleep(seconds)
            return False
        self._written.sync_timeout = seconds
        if self._written.sync_get() is None:
            return False
        self._written.sync_timeout = 0
        while self._written.sync_get() is not None:
            pass
        return True

    def _version(self) -> Any:
        """Of the database as this one connection sees it (sqlite.org/pragma.html#pragma_data_version)."""
        cursor = self._connection.cursor()
        try:
            return cursor.execute("PRAGMA data_version").fetchone()
        finally:
            cursor.close()


def _watch(folder: Path) -> Inotify | None:
    """None where the kernel gives no more watches (fs.inotify.max_user_instances): looking now and then has to do."""
    try:
        written = Inotify()
    except OSError:
        return None
    try:
        written.add_watch(folder, Mask.MODIFY)
    except OSError:
        written.close()
        return None
    return written


class _PostgresqlNews:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def wait(self, seconds: float) -> bool:
        """See News.wait."""
        deadline = time.monotonic() + seconds
        try:
            connection = self._listening()
            for _ in connection.notifies(timeout=seconds, stop_after=1):
                return True
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error):
            self.close()
        time.sleep(max(0.0, deadline - time.monotonic()))
        return False

    def close(self) -> None:
        """See News.close."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._engine.dialect.loaded_dbapi.Error):
                connection.close()

    def _listening(self) -> Any:
        """A connection of its own, which the pool forgets."""
        if self._connection is not None:
            return self._connection
        pooled = self._engine.raw_connection()
        self._connection = pooled.driver_connection
        pooled.detach()
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {NEWS_CHANNEL}")
        return self._connection
