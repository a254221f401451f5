"""A submission whose answer was lost: adopted, or proved never to have happened."""

import pytest

from tests.worker.conftest import World
from tuning.errors import LeaseLost
from tuning.jobs.status import JobStatus
from worker.submit.recover import settle_unconfirmed

LATE = 46.0  # beyond submit_settle_seconds


def test_one_that_slurm_has_is_adopted(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    world.cluster.known[f"tok-{job_id}"] = [7]
    settle_unconfirmed(world.driver)
    job = world.job(job_id)
    assert (job.status, job.slurm_job_id, world.attempts(job_id)) == (JobStatus.PENDING, 7, [(1, 7)])


def test_of_two_the_first_is_adopted_and_the_other_cancelled(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    world.cluster.known[f"tok-{job_id}"] = [9, 8]
    settle_unconfirmed(world.driver)
    assert world.job(job_id).slurm_job_id == 8
    assert world.cluster.cancelled == [9]


def test_one_that_is_not_found_yet_is_left_alone(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    world.clock.advance(40)
    settle_unconfirmed(world.driver)
    assert world.job(job_id).status is JobStatus.SUBMITTING


def test_one_that_never_happened_is_submitted_again_as_another_attempt(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    world.clock.advance(LATE)
    settle_unconfirmed(world.driver)
    assert world.job(job_id).status is JobStatus.QUEUED
    world.submitter().submit_waiting()
    assert world.attempts(job_id) == [(2, 100)]


def test_one_whose_job_has_begun_is_adopted_by_its_own_record(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    directory = f"/shared/packtrain/jobs/{job_id}/1"
    world.cluster.claims[directory] = False
    world.cluster.contents[f"{directory}/started"] = b"slurm_job_id=5\nrestart=0\nnode=n1\nepoch=1\n"
    world.clock.advance(LATE)
    settle_unconfirmed(world.driver)
    assert (world.job(job_id).status, world.job(job_id).slurm_job_id) == (JobStatus.PENDING, 5)


def test_one_that_should_be_cancelled_and_never_happened_is_cancelled(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING, cancel=True)
    world.clock.advance(LATE)
    settle_unconfirmed(world.driver)
    assert world.job(job_id).status is JobStatus.CANCELLED


def test_a_worker_that_lost_its_lease_adopts_nothing(world: World) -> None:
    job_id = world.add(JobStatus.SUBMITTING)
    world.cluster.known[f"tok-{job_id}"] = [7]
    world.lose_lease()
    with pytest.raises(LeaseLost):
        settle_unconfirmed(world.driver)
    assert world.job(job_id).status is JobStatus.SUBMITTING
