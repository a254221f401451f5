"""Failover of a database to a read-only replica, as the connections of an engine see it."""

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry


class Replica:
    """What every connection finds from now on after a failover, or on a file system that went read-only.

    The engine is not disposed of: a connection in use by another thread would return to a pool that is gone, unclosed.
    """

    def __init__(self, engine: Engine, *, is_one: bool = False) -> None:
        self.is_one = is_one
        is_postgresql = engine.dialect.name == "postgresql"
        self._words = "SET default_transaction_read_only = on" if is_postgresql else "PRAGMA query_only = 1"
        event.listen(engine, "connect", self._begin)
        event.listen(engine, "checkout", self._refuse_older)

    def _begin(self, connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["is_one"] = self.is_one
        if entry.info["is_one"]:
            connection.execute(self._words)
            connection.commit()

    def _refuse_older(self, _connection: Any, entry: ConnectionPoolEntry, _fairy: Any) -> None:
        """Have the pool close a connection from before the failover, and open another."""
        if entry.info.get("is_one", False) != self.is_one:
            raise DisconnectionError("this connection is older than the failover")
