"""Work that the tests of a process share: SQL is compiled once for all databases, command trees are built once."""

from functools import cache
from typing import Any

import typer.testing
from sqlalchemy import Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from typer.main import get_command

_MOST_STATEMENTS = 10_000


def share_compiled_statements() -> None:
    """Let every engine find what another one of its kind has compiled: a third of the time of the API's tests.

    What is compiled is kept by dialect, of which each engine has one of its own; here those of a kind are equal.
    """
    for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        kind.__eq__ = _is_of_a_kind  # type: ignore[method-assign]
        kind.__hash__ = _hash_of_kind  # type: ignore[assignment, method-assign]
    statements: LRUCache[Any, Any] = LRUCache(_MOST_STATEMENTS)

    @event.listens_for(Engine, "engine_connect")
    def keep_together(connection: Any) -> None:
        connection.engine._compiled_cache = statements


def share_command_trees() -> None:
    """Build the tree of a command line once: it takes longer than most of its commands."""
    typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]


def _is_of_a_kind(dialect: object, other: object) -> bool:
    return type(dialect) is type(other)


def _hash_of_kind(dialect: object) -> int:
    return hash(type(dialect))
