"""Jobs that wait for others, on both kinds of database."""

from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.jobs.queries.dependencies import (
    DeadEnd,
    add_dependencies,
    dead_ends,
    dependencies_of,
    unmet_dependencies,
    waiting_for,
)
from tuning.jobs.queries.requests import delete_job
from tuning.jobs.status import ENDED, JobStatus


def test_only_jobs_that_have_not_ended_need_another(session: Session) -> None:
    user = make_user(session)
    awaited = make_job(session, user)
    by_status = {status: make_job(session, user, status=status) for status in JobStatus}
    for job in by_status.values():
        add_dependencies(session, job.id, [awaited.id])
    assert waiting_for(session, awaited.id) == sorted(by_status[status].id for status in set(JobStatus) - ENDED)
    assert waiting_for(session, by_status[JobStatus.QUEUED].id) == []


def test_a_dependency_that_is_named_twice_is_kept_once(session: Session) -> None:
    user = make_user(session)
    first, second, waiter = (make_job(session, user) for _ in range(3))
    add_dependencies(session, waiter.id, [second.id, first.id, second.id])
    add_dependencies(session, first.id, [])
    found = dependencies_of(session, [waiter.id, first.id])
    assert found == {waiter.id: sorted([first.id, second.id])}


def test_only_queued_jobs_of_the_cluster_are_at_a_dead_end(session: Session) -> None:
    user = make_user(session)
    awaited = {status: make_job(session, user, status=status) for status in JobStatus}
    gone = make_job(session, user)
    stuck: dict[str, DeadEnd] = {}
    for status, job in awaited.items():
        waiter = make_job(session, user)
        add_dependencies(session, waiter.id, [job.id])
        if status in ("failed", "cancelled"):
            stuck[waiter.id] = DeadEnd(waiter.id, job.id, status)
    orphan = make_job(session, user)
    for waiter in (orphan, make_job(session, user, status=JobStatus.HELD), make_job(session, user, cluster="other")):
        add_dependencies(session, waiter.id, [gone.id])
    delete_job(session, gone.id)
    stuck[orphan.id] = DeadEnd(orphan.id, gone.id, None)
    assert {one.job_id: one for one in dead_ends(session, "lab")} == stuck
    assert stuck[orphan.id].reason == f"it depends on {gone.id}, which was deleted"


def test_unmet_are_those_that_have_not_succeeded_or_are_gone(session: Session) -> None:
    user = make_user(session)
    done = make_job(session, user, status=JobStatus.SUCCEEDED)
    running, gone = make_job(session, user, status=JobStatus.RUNNING), make_job(session, user)
    waiter, ready, held = (make_job(session, user, status=status) for status in ("queued", "queued", "held"))
    add_dependencies(session, waiter.id, [done.id, running.id, gone.id])
    add_dependencies(session, ready.id, [done.id])
    add_dependencies(session, held.id, [running.id])
    delete_job(session, gone.id)
    assert unmet_dependencies(session, "lab") == {waiter.id: sorted([running.id, gone.id])}
