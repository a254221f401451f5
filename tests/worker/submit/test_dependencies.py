"""Jobs that wait for others."""

from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.queries.dependencies import add_dependencies
from tuning.jobs.queries.requests import delete_job
from tuning.jobs.status import JobStatus
from worker.submit.dependencies import end_dead_ends


def waiting(world: World, sessions: sessionmaker[Session], *awaited: str, owner: str = "waits") -> str:
    job_id = world.add(name=owner)
    with transaction(sessions) as session:
        add_dependencies(session, job_id, awaited)
    return job_id


def set_status(sessions: sessionmaker[Session], job_id: str, status: JobStatus) -> None:
    with transaction(sessions) as session:
        session.get_one(Job, job_id).status = status


def test_nothing_is_submitted_before_all_that_it_waits_for_has_succeeded(
    world: World, sessions: sessionmaker[Session]
) -> None:
    one, two = world.add(JobStatus.RUNNING, name="a"), world.add(JobStatus.RUNNING, name="b")
    job_id = waiting(world, sessions, one, two)
    submitter = world.submitter()
    assert submitter.submit_waiting() == 0
    set_status(sessions, one, JobStatus.SUCCEEDED)
    assert submitter.submit_waiting() == 0
    set_status(sessions, two, JobStatus.SUCCEEDED)
    assert submitter.submit_waiting() == 1
    assert world.job(job_id).status is JobStatus.PENDING


def test_what_waits_for_a_failure_fails_and_says_why(world: World, sessions: sessionmaker[Session]) -> None:
    one = world.add(JobStatus.RUNNING)
    job_id = waiting(world, sessions, one)
    end_dead_ends(world.driver)
    assert world.job(job_id).status is JobStatus.QUEUED
    set_status(sessions, one, JobStatus.CANCELLED)
    end_dead_ends(world.driver)
    job = world.job(job_id)
    assert (job.status, job.status_reason) == (JobStatus.FAILED, f"it depends on {one}, which is cancelled")
    assert job.failure
    assert job.failure["code"] == "dependency"


def test_a_chain_ends_at_once(world: World, sessions: sessionmaker[Session]) -> None:
    first = previous = world.add(JobStatus.RUNNING)
    chain = []
    for number in range(30):
        previous = waiting(world, sessions, previous, owner=f"waits {number}")
        chain.append(previous)
    set_status(sessions, first, JobStatus.FAILED)
    end_dead_ends(world.driver)
    assert {world.job(job_id).status for job_id in chain} == {JobStatus.FAILED}
    assert world.job(chain[-1]).status_reason == f"it depends on {chain[-2]}, which is failed"


def test_what_waits_for_a_deleted_job_fails(world: World, sessions: sessionmaker[Session]) -> None:
    one = world.add(JobStatus.RUNNING)
    job_id = waiting(world, sessions, one)
    with transaction(sessions) as session:
        delete_job(session, one)
    end_dead_ends(world.driver)
    assert world.job(job_id).status_reason == f"it depends on {one}, which was deleted"
