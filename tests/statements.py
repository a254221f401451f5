"""SQL statements of requests, without those of the feed's own ticks, which come when they will."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from sqlalchemy import event


@contextmanager
def counted_statements(app: FastAPI) -> Iterator[list[str]]:
    """The statements that the server runs for requests within the block."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not threading.current_thread().name.startswith("feed-tick"):
            statements.append(statement)

    engine = app.state.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
