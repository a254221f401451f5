"""Trainings that have ended."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_job
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobDataset
from tuning.jobs.status import JobStatus
from tuning.people.models import User

MakeTraining = Callable[..., Job]


@pytest.fixture
def make_training(sessions: sessionmaker[Session], user: User) -> MakeTraining:
    """Make a training that has succeeded, on some data sets."""

    def make(owner: User = user, datasets: tuple[str, ...] = (), **columns: Any) -> Job:
        ended = {"status": JobStatus.SUCCEEDED, "finished_at": NOON, "attempt": 1}
        with transaction(sessions) as session:
            job = make_job(session, owner, **{"name": "ja-en", **ended, **columns})
            session.add_all(
                JobDataset(job_id=job.id, position=place, dataset_id=dataset_id)
                for place, dataset_id in enumerate(datasets)
            )
        return job

    return make
