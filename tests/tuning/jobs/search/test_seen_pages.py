"""Pages of jobs for those who may not see every job."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_team, make_user
from tuning.jobs.models import Job
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.sight import Sight
from tuning.jobs.status import JobStatus

FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"statuses": [JobStatus.QUEUED, JobStatus.FAILED]},
    {"kind": "export"},
    {"tags": [("run", "1")]},
    {"text": "probe 1"},
    {"text": "7"},
    {"created_after": NOON + timedelta(seconds=2)},
)


@pytest.fixture
def stock(session: Session) -> list[Job]:
    """Jobs of two owners in three teams, of every sort."""
    owners = [make_user(session, name=name) for name in ("ada", "bob")]
    teams = [make_team(session, name, *owners).id for name in ("mt", "rl", "cv")]
    statuses = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FAILED)
    return [
        make_job(
            session,
            owners[number % 2],
            name=f"probe {number}",
            team_id=teams[number % 3],
            kind=("train", "export")[number % 5 == 0],
            status=statuses[number // 3 % 3],
            priority=number % 4,
            created_at=NOON + timedelta(seconds=number % 7),
            tags={"run": str(number % 2)},
        )
        for number in range(40)
    ]


def all_pages(session: Session, wanted: Filter, sort: Sort) -> Iterator[str]:
    """The ids of one page after the other."""
    page = list_jobs(session, wanted, sort, None, 15)
    yield from (job.id for job in page.jobs)
    while page.next:
        page = list_jobs(session, wanted, sort, page.next, 15)
        yield from (job.id for job in page.jobs)


def sights(stock: Sequence[Job]) -> Iterator[Sight]:
    """Somebody without jobs, the owner alone, and with one and two teams."""
    yield Sight("user_nobody", (stock[2].team_id,))
    for count in range(3):
        yield Sight(stock[0].owner_id, tuple(sorted({job.team_id for job in stock})[:count]))


@pytest.mark.parametrize("sort", Sort)
def test_a_page_has_what_is_seen_of_it_in_its_order(session: Session, stock: list[Job], sort: Sort) -> None:
    jobs = {job.id: job for job in stock}
    owners = (None, *sorted({job.owner_id for job in stock}))
    for given in FILTERS:
        for owner_id in owners:
            every = [*all_pages(session, Filter(**given, owner_id=owner_id), sort)]
            for sight in sights(stock):
                wanted = Filter(**given, owner_id=owner_id, sight=sight)
                expected = [job_id for job_id in every if is_seen(jobs[job_id], sight)]
                assert [*all_pages(session, wanted, sort)] == expected, (given, owner_id, sight)


def is_seen(job: Job, sight: Sight) -> bool:
    """Meaning of a sight."""
    return job.owner_id == sight.owner_id or job.team_id in sight.team_ids


@pytest.mark.parametrize("sort", Sort)
def test_a_page_of_what_is_seen_is_found_by_indexes(session: Session, stock: list[Job], sort: Sort) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # a small table is read whole; whether an index could serve is what is asked here
        session.execute(text("SET LOCAL enable_seqscan = off"))
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        prefix = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(prefix + statement, parameters)
        plans.extend(str(row[-1]) for row in cursor.fetchall())

    event.listen(session.get_bind(), "before_cursor_execute", explain)
    list_jobs(session, Filter(sight=Sight(stock[0].owner_id, (stock[1].team_id,))), sort, None, 2)
    event.remove(session.get_bind(), "before_cursor_execute", explain)
    assert any("ix_jobs_team_id" in line for line in plans), plans
    assert not any("Seq Scan" in line or line.startswith("SCAN jobs") for line in plans), plans
