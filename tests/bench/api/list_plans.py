"""How PostgreSQL itself would read the pages of a large database, by its own statistics."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Engine, event

from server.api.jobs.collection import JobQuery
from tests.bench.report.table import Row
from tuning.db.engine import open_engine, open_sessions
from tuning.jobs.search.page import list_jobs

_LARGE = ("jobs", "job_tags", "attempts")
_SCAN = re.compile(r"Seq Scan on (\w+)")


def row(url: str, queries: Sequence[str], jobs: int) -> Row:
    """How many of the plans read a table from its beginning to its end; EXPLAIN, with nothing forbidden."""
    engine = open_engine(url)
    with _plans(engine) as plans, open_sessions(engine)() as session:
        for query in queries:
            asked = JobQuery.model_validate(_as_sent(query))
            list_jobs(session, asked.filter(None), asked.sort, None, 50)
    engine.dispose()
    scans = [name for plan in plans for name in _SCAN.findall(plan) if name in _LARGE]
    what = f"queries of these pages that read a whole table, {jobs:,} jobs, PostgreSQL's own plans"
    return Row(what, "-", f"{len(scans)} of {len(plans)}", "-", ", ".join(scans) or "-", "0", not scans)


def _as_sent(query: str) -> dict[str, Any]:
    pairs = parse_qsl(query)
    return {name: [value] if name in ("status", "tag") else value for name, value in pairs}


@contextmanager
def _plans(engine: Engine) -> Iterator[list[str]]:
    """The plan of each query of the block."""
    found: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            found.append("\n".join(str(line[0]) for line in cursor.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)
