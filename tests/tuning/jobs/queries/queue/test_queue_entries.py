"""Rows that a page of the queue shows: names, and jobs whose data is not on the cluster."""

from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets.repository import mark_staged
from tuning.jobs.models import JobDataset
from tuning.jobs.queries.queue.queue_entries import job_names, jobs_without_data


def test_names_of_jobs_that_are_there(session: Session) -> None:
    job = make_job(session, make_user(session), name="run")
    assert job_names(session, [job.id, "job_gone"]) == {job.id: "run"}


def test_a_job_lacks_data_until_all_of_it_is_on_the_cluster(session: Session) -> None:
    owner = make_user(session)
    dataset = make_dataset(session, owner)
    job, other = make_job(session, owner), make_job(session, owner)
    session.add(JobDataset(job_id=job.id, position=0, dataset_id=dataset.id))
    session.flush()
    ids = [job.id, other.id]
    mark_staged(session, "elsewhere", dataset.sha256, NOON)
    assert jobs_without_data(session, "lab", ids) == {job.id}
    mark_staged(session, "lab", dataset.sha256, NOON)
    assert jobs_without_data(session, "lab", ids) == frozenset()
