"""Use of data sets by jobs."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets.models import Dataset
from tuning.jobs.models import Job, JobDataset
from tuning.jobs.queries.use import dataset_use
from tuning.jobs.queries.use.dataset_use import newest_users, use_counts
from tuning.jobs.sight import EVERY_JOB, Sight


def _users(session: Session, dataset: Dataset, *minutes: int, name: str = "ada") -> list[Job]:
    """Jobs that use it, made so many minutes after noon."""
    owner = make_user(session, name=name)
    jobs = [make_job(session, owner, created_at=NOON + timedelta(minutes=each)) for each in minutes]
    session.add_all(JobDataset(job_id=job.id, position=0, dataset_id=dataset.id) for job in jobs)
    session.flush()
    return jobs


def test_jobs_are_counted_for_each_data_set(session: Session) -> None:
    owner = make_user(session, name="bob")
    used, unused = make_dataset(session, owner), make_dataset(session, owner)
    _users(session, used, 1, 2, 3)
    assert use_counts(session, [used.id, unused.id]) == {used.id: 3, unused.id: 0}
    assert use_counts(session, []) == {}


def test_no_more_is_counted_than_a_page_tells(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_use, "MOST_COUNTED", 2)
    dataset = make_dataset(session, make_user(session, name="bob"))
    _users(session, dataset, 1, 2, 3)
    assert use_counts(session, [dataset.id]) == {dataset.id: 2}


@pytest.mark.parametrize("most_counted", [2, 1000], ids=["of many jobs", "of few jobs"])
def test_the_newest_jobs_come_first(session: Session, monkeypatch: pytest.MonkeyPatch, most_counted: int) -> None:
    monkeypatch.setattr(dataset_use, "MOST_COUNTED", most_counted)
    owner = make_user(session, name="bob")
    dataset, other = make_dataset(session, owner), make_dataset(session, owner)
    first, third, second = _users(session, dataset, 1, 3, 2)
    _users(session, other, 4, name="eve")
    assert newest_users(session, dataset.id, EVERY_JOB, 2) == [third, second]
    assert newest_users(session, dataset.id, EVERY_JOB, 9) == [third, second, first]
    assert newest_users(session, dataset.id, Sight(owner.id), 9) == []
