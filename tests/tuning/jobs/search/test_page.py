"""Pages of jobs ask the database in a way that it has an index for."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.factories import NOON, make_job, make_user
from tuning.jobs.actions import create
from tuning.jobs.models import Job, JobTag
from tuning.jobs.queries.requests import delete_job
from tuning.jobs.request.spec import JobChange
from tuning.jobs.search import page as listing
from tuning.jobs.search.order import Sort
from tuning.jobs.search.page import Filter, list_jobs
from tuning.jobs.status import JobStatus
from tuning.people.models import User


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(statuses=[JobStatus.QUEUED]),
        Filter(owner_id="me"),
        Filter(statuses=[JobStatus.SUCCEEDED], leaves_model=True),
    ],
    ids=str,
)
def test_the_next_page_is_found_by_an_index(session: Session, sort: Sort, wanted: Filter) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # a small table is read whole; whether an index could serve is what is asked here
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_sort = off"))
    user = make_user(session)
    wanted = replace(wanted, owner_id=user.id if wanted.owner_id else None)
    for number in range(5):
        status = JobStatus.SUCCEEDED if wanted.leaves_model else JobStatus.QUEUED
        make_job(session, user, created_at=NOON + timedelta(seconds=number), status=status)
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


OWNERS = ("ada", "bob")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"statuses": [JobStatus.QUEUED]},
    {"statuses": [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FAILED]},
    {"kind": "export"},
    {"cluster": "lab", "statuses": [JobStatus.RUNNING]},
    {"owner_id": "bob"},
    {"tags": [("team", "mt")]},
    {"tags": [("team", "mt"), ("run", "3")], "statuses": [JobStatus.QUEUED, JobStatus.FAILED]},
    {"text": "RUN 1"},
    {"text": "100%"},
    {"text": "un"},
    {"text": "7", "kind": "train"},
    {"text": "107"},
    {"text": "run", "tags": [("team", "mt")], "created_after": NOON + timedelta(seconds=3)},
    {"created_after": NOON + timedelta(seconds=2), "created_before": NOON + timedelta(seconds=7)},
    {"created_before": NOON + timedelta(seconds=5), "statuses": [JobStatus.QUEUED, JobStatus.RUNNING]},
)


@pytest.fixture
def stock(session: Session) -> list[Job]:
    """Jobs of every sort, many of them of one second and one priority; more priorities than are walked one by one."""
    chance = random.Random(5)  # noqa: S311 - the same jobs each time
    owners = [make_user(session, name=name) for name in OWNERS]
    return [
        make_job(
            session,
            chance.choice(owners),
            name=chance.choice(("run", '100% "sure"', "Run")) + f" {number}",
            kind=chance.choice(("train", "export")),
            status=chance.choice((JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FAILED)),
            cluster=chance.choice(("lab", "other")),
            priority=chance.randrange(12),
            slurm_job_id=100 + number,
            created_at=NOON + timedelta(seconds=chance.randrange(10)),
            tags={"team": chance.choice(("mt", "rl")), "run": str(number % 5)},
        )
        for number in range(80)
    ]


@pytest.mark.parametrize("sort", Sort)
def test_the_pages_are_those_jobs_in_that_order(session: Session, stock: list[Job], sort: Sort) -> None:
    owners = {user.name: user.id for user in session.query(User)}
    tags: dict[str, set[tuple[str, str]]] = {job.id: set() for job in stock}
    for tag in session.query(JobTag):
        tags[tag.job_id].add((tag.key, tag.value))
    for given in FILTERS:
        wanted = Filter(**{**given, **({"owner_id": owners["bob"]} if "owner_id" in given else {})})
        expected = [
            job.id for job in sorted(stock, key=lambda job: place(job, sort)) if fits(job, wanted, tags[job.id])
        ]
        assert [*all_pages(session, wanted, sort, 7)] == expected, given
        assert [*all_pages(session, wanted, sort, 500)] == expected, given


def test_many_jobs_before_the_first_that_is_meant(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_NEAR", 3)
    user = make_user(session)
    jobs = [
        make_job(session, user, name=f"{number} probe", created_at=NOON + timedelta(seconds=number))
        for number in range(9)
    ]
    assert [*all_pages(session, Filter(text="1 probe"), Sort.NEWEST, 2)] == [jobs[1].id]
    assert [*all_pages(session, Filter(text="probe"), Sort.NEWEST, 2)] == [job.id for job in reversed(jobs)]


def test_a_new_name_and_a_new_priority_are_found(session: Session) -> None:
    user = make_user(session, name="ada")
    jobs = [make_job(session, user, name=name, tags={"team": "mt"}) for name in ("probe", "other")]
    create.change_job(session, jobs[0].id, JobChange(name="renamed", priority=5), "ada", NOON)
    by_tag = Filter(tags=[("team", "mt")])
    assert [*all_pages(session, by_tag, Sort.PRIORITY, 5)] == [jobs[0].id, jobs[1].id]
    assert [*all_pages(session, Filter(text="named"), Sort.NEWEST, 5)] == [jobs[0].id]
    assert [*all_pages(session, Filter(text="prob"), Sort.NEWEST, 5)] == []
    create.change_job(session, jobs[0].id, JobChange(tags={"team": "rl"}), "ada", NOON)
    assert [*all_pages(session, by_tag, Sort.PRIORITY, 5)] == [jobs[1].id]
    delete_job(session, jobs[0].id)
    assert [*session.scalars(text("SELECT job_id FROM job_names"))] == [jobs[1].id]


def place(job: Job, sort: Sort) -> tuple[Any, ...]:
    """Place of a job in an order; of one second and priority, ids decide."""
    backwards = "".join(chr(255 - ord(letter)) for letter in job.id)
    since = (job.created_at - NOON).total_seconds()
    return {
        Sort.NEWEST: (-since, backwards),
        Sort.OLDEST: (since, job.id),
        Sort.PRIORITY: (-job.priority, since, job.id),
    }[sort]


def fits(job: Job, wanted: Filter, tags: set[tuple[str, str]]) -> bool:
    """Meaning of a filter."""
    text = wanted.text or ""
    return all(
        (
            not wanted.statuses or job.status in wanted.statuses,
            wanted.kind in (None, job.kind),
            wanted.owner_id in (None, job.owner_id),
            wanted.cluster in (None, job.cluster),
            tags.issuperset(wanted.tags),
            text.lower() in job.name.lower() or text in (job.id, str(job.slurm_job_id)),
            wanted.created_after is None or job.created_at > wanted.created_after,
            wanted.created_before is None or job.created_at < wanted.created_before,
        )
    )


def all_pages(session: Session, wanted: Filter, sort: Sort, limit: int) -> Iterator[str]:
    """The ids of one page after the other."""
    page = list_jobs(session, wanted, sort, None, limit)
    yield from (job.id for job in page.jobs)
    while page.next:
        page = list_jobs(session, wanted, sort, page.next, limit)
        yield from (job.id for job in page.jobs)
