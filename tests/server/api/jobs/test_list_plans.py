"""No query that GET /jobs makes looks through a table, whatever is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.feed.queue.board import QueueBoard
from tests.factories import NOON, Clock, make_attempt, make_job
from tuning.db.engine import transaction
from tuning.jobs.search.order import Sort
from tuning.jobs.status import JobStatus
from tuning.people.models import User

FILTERS: tuple[tuple[str, str], ...] = (
    ("status", "queued"),
    ("status", "succeeded"),
    ("kind", "train"),
    ("owner", "ada"),
    ("cluster", "lab"),
    ("tag", "team:mt"),
    ("tag", "run:7"),
    ("q", "ja-en"),
    ("q", "77"),
    ("created_after", "2026-11-20T00:00:00Z"),
    ("created_before", "2026-11-22T00:00:00Z"),
)
SHORT = ("q", "77")
"""A text without a trigram: the one thing that is looked for job by job, up to the end of the page."""
NO_TABLES = ("SCAN anon_", "SCAN (subquery-", "SCAN job_names VIRTUAL TABLE INDEX")
WALKS = ("SCAN jobs USING INDEX", "SCAN jobs USING COVERING INDEX")
"""SQLite's words for an index from its beginning, in the order of the page: fine where a page is all that is read."""


def looks_through_a_table(line: str, *, may_walk: bool) -> bool:
    """Whether a line of a plan says so; rows of subqueries and of the trigrams' index are no table."""
    if "Seq Scan on" in line:
        return True
    is_scan = line.startswith("SCAN ") and not line.startswith(NO_TABLES)
    return is_scan and not (may_walk and line.startswith(WALKS))


@contextmanager
def plans(engine: Engine) -> Iterator[list[str]]:
    """The plans of what is asked in the block. A small table is read whole on PostgreSQL unless that is forbidden."""
    lines: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith("SELECT"):
            return
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(("EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN ") + statement, parameters)
        lines.extend(str(row[-1]) for row in cursor.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield lines
    finally:
        event.remove(engine, "before_cursor_execute", explain)


@pytest.fixture
def some_jobs(app: FastAPI, clock: Clock, sessions: sessionmaker[Session], user: User) -> None:
    """Three that every filter but the status finds. The queue was looked at: that is once a second, for all pages."""
    with transaction(sessions) as session:
        for number in range(3):
            job = make_job(
                session,
                user,
                tags={"team": "mt", "run": "7"},
                name=f"wmt ja-en {number}",
                status=JobStatus.SUCCEEDED if number else JobStatus.QUEUED,
                slurm_job_id=77,
                created_at=NOON + timedelta(seconds=number),
            )
            make_attempt(session, job)
    app.state.feed.queues = QueueBoard(clock, lambda: 0.0)
    with sessions() as session:
        app.state.feed.queues.view(session, "lab")


def questions() -> Iterator[list[tuple[str, str]]]:
    """Nothing, each filter alone, and each two of them."""
    for count in range(3):
        yield from ([*some] for some in combinations(FILTERS, count) if SHORT not in some)


@pytest.mark.parametrize("sort", Sort)
def test_no_page_looks_through_a_table(client: TestClient, app: FastAPI, some_jobs: None, sort: Sort) -> None:
    with plans(app.state.sessions.kw["bind"]) as lines:
        for asked in questions():
            query = [*asked, ("sort", sort), ("limit", "1")]
            lines.clear()
            page = client.get(f"/api/v1/jobs?{urlencode(query)}").json()
            if page["next"]:
                client.get(f"/api/v1/jobs?{urlencode([*query, ('after', page['next'])])}").raise_for_status()
            # without a filter the first page is the beginning of an index; of a text the nearest jobs are looked at
            may_walk = not asked or any(name == "q" for name, _ in asked)
            bad = [line for line in lines if looks_through_a_table(line, may_walk=may_walk)]
            assert lines
            assert not bad, (asked, bad)


OF_PEOPLE = ("decayed_use", "memberships", "teams", "limits", "clusters")
"""Tables of people and clusters, a row each: a look at the queue reads them whole."""


@pytest.mark.usefixtures("client", "some_jobs")
def test_a_look_at_the_queue_looks_through_no_table_of_jobs(app: FastAPI, clock: Clock) -> None:
    with plans(app.state.sessions.kw["bind"]) as lines, app.state.sessions() as session:
        QueueBoard(clock, lambda: 0.0).view(session, "lab").forecasts()
    bad = [line for line in lines if looks_through_a_table(line, may_walk=False)]
    assert lines
    assert [line for line in bad if not any(table in line for table in OF_PEOPLE)] == []


def test_a_short_text_is_found_too(client: TestClient, some_jobs: None) -> None:
    assert len(client.get(f"/api/v1/jobs?{urlencode([SHORT])}").json()["data"]) == 3
    assert len(client.get("/api/v1/jobs", params={"q": "n 1"}).json()["data"]) == 1
