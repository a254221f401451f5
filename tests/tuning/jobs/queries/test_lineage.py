"""Relatives of a job."""

import re

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.jobs.queries.dependencies import add_dependencies
from tuning.jobs.queries.lineage import Relation, offspring, origins
from tuning.jobs.sight import EVERY_JOB, Sight


def test_jobs_that_came_from_one_are_found_by_their_relation(session: Session) -> None:
    ada = make_user(session)
    first = make_job(session, ada)
    export = make_job(session, ada, source_job=first.id, source_checkpoint=500)
    again = make_job(session, ada, resume_job=first.id, resume_checkpoint=200, retry_of=first.id)
    after = make_job(session, ada)
    add_dependencies(session, after.id, [first.id])
    found = {(each.relation, each.id, each.checkpoint) for each in offspring(session, first.id, EVERY_JOB)}
    assert found == {
        (Relation.SOURCE, export.id, 500),
        (Relation.RESUME, again.id, 200),
        (Relation.RETRY, again.id, None),
        (Relation.WAIT, after.id, None),
    }


def test_a_job_that_waits_for_its_source_is_told_once(session: Session) -> None:
    ada = make_user(session)
    first = make_job(session, ada)
    export = make_job(session, ada, source_job=first.id)
    add_dependencies(session, export.id, [first.id])
    assert [each.relation for each in offspring(session, first.id, EVERY_JOB)] == [Relation.SOURCE]
    assert [each.relation for each in origins(session, export, [first.id], EVERY_JOB)] == [Relation.SOURCE]


def test_relatives_that_may_not_be_seen_are_left_out(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    first = make_job(session, ada)
    his = make_job(session, bob, source_job=first.id)
    assert offspring(session, first.id, Sight(ada.id)) == []
    assert origins(session, his, [], Sight(bob.id)) == []


@pytest.mark.parametrize("column", ["source_job", "resume_job", "retry_of"])
def test_each_relation_is_found_by_an_index(session: Session, column: str) -> None:
    explain = "EXPLAIN QUERY PLAN"
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))  # it reads small tables whole
        explain = "EXPLAIN"
    plan = session.execute(text(f"{explain} SELECT id FROM jobs WHERE {column} = 'job_x'")).all()  # noqa: S608
    assert re.search(r"(?i)index.* ix_jobs_", str(plan))
