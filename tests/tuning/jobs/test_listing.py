"""Pages of jobs ask the database in a way that it has an index for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.jobs.feed_repository import queue_positions
from tuning.jobs.listing import Filter, Sort, list_jobs
from tuning.jobs.repository import queue_position
from tuning.jobs.status import JobStatus


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
@pytest.mark.parametrize("wanted", [Filter(), Filter(statuses=[JobStatus.QUEUED]), Filter(owner_id="me")], ids=str)
def test_the_next_page_is_found_by_an_index(session: Session, sort: Sort, wanted: Filter) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # a small table is read whole; whether an index could serve is what is asked here
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))
    user = make_user(session)
    wanted = Filter(wanted.statuses, owner_id=user.id if wanted.owner_id else None)
    for number in range(5):
        make_job(session, user, created_at=NOON + timedelta(seconds=number))
    page = list_jobs(session, wanted, sort, None, 2)
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        prefix = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(prefix + statement, parameters)
        plans.extend(str(row) for row in cursor.fetchall())

    event.listen(session.get_bind(), "before_cursor_execute", explain)
    list_jobs(session, wanted, sort, page.next, 2)
    event.remove(session.get_bind(), "before_cursor_execute", explain)
    assert any("ix_jobs_" in line for line in plans), plans
    assert not any("TEMP B-TREE FOR ORDER BY" in line or "Seq Scan" in line for line in plans), plans


def test_the_place_of_one_job_is_its_place_among_all(session: Session) -> None:
    user = make_user(session)
    jobs = [
        make_job(session, user, priority=priority, created_at=NOON + timedelta(seconds=seconds), status=status)
        for priority, seconds, status in [
            (0, 0, JobStatus.QUEUED),
            (0, 0, JobStatus.QUEUED),
            (5, 9, JobStatus.QUEUED),
            (0, 5, JobStatus.HELD),
            (0, 7, JobStatus.QUEUED),
        ]
    ]
    make_job(session, user, cluster="other", priority=9)
    make_job(session, user, status=JobStatus.RUNNING, priority=9)
    positions = queue_positions(session, [job.id for job in jobs])
    assert {job.id: queue_position(session, job) for job in jobs} == positions
    assert sorted(positions.values()) == [1, 2, 3, 4, 4]
