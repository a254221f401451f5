"""The end of a check becomes the state of its data set."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_dataset
from tests.tuning.datasets.check.cluster_reports import SHA, as_text, told
from tests.worker.conftest import World, submit
from tests.worker.watched_run import Run
from tuning.datasets.models import Dataset
from tuning.datasets.repository import is_staged
from tuning.datasets.status import DatasetStatus
from tuning.db.engine import transaction
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User

CONFIG = {"cluster_path": "/shared/models/data/x.jsonl"}
RESOURCES = {"cluster": "lab", "nodes": 1, "gpus_per_node": 0, "time_limit": "60"}


class Check:
    """A check that Slurm has, and its data set."""

    def __init__(self, world: World, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        job_id = world.add()
        with transaction(sessions) as session:
            job = session.get_one(Job, job_id)
            owner = session.get_one(User, job.owner_id)
            empty: dict[str, Any] = {"sha256": "", "extension": "", "format": "", "entry": {}, "size_bytes": 0}
            dataset = make_dataset(
                session, owner, status=DatasetStatus.CHECKING, cluster="lab", check_job=job_id, **empty
            )
            self.dataset_id = dataset.id
            job.kind, job.config, job.resources = "check", {**CONFIG, "dataset": dataset.id}, RESOURCES
        self.run = Run(world, sessions, job_id)

    def dataset(self) -> Dataset:
        with self._sessions() as session:
            return session.get_one(Dataset, self.dataset_id)

    def end(self, exit_code: int, report: dict[str, Any] | None) -> JobStatus:
        """It writes this, and ends."""
        self.run.end(exit_code)
        if report is not None:
            self.run.write("output/checked.json", as_text(report))
        self.run.slurm_says("COMPLETED" if exit_code == 0 else "FAILED")
        self.run.look()
        return self.run.look()


@pytest.fixture
def check(world: World, sessions: sessionmaker[Session]) -> Check:
    return Check(world, sessions)


def test_it_is_submitted_with_the_program_beside_it(check: Check, sessions: sessionmaker[Session]) -> None:
    (submitted,) = check.run.cluster.submitted
    assert set(submitted.files) == {"job.sh", "check.json", "check.pyz", "inside.pyz"}
    assert json.loads(submitted.files["check.json"])["path"] == CONFIG["cluster_path"]
    with sessions() as session:
        assert session.get_one(Attempt, (check.run.job_id, 1)).eta_state is None


def test_a_good_verdict_makes_the_data_set_ready(check: Check, sessions: sessionmaker[Session]) -> None:
    assert check.end(0, told()) is JobStatus.SUCCEEDED
    dataset = check.dataset()
    assert (dataset.status, dataset.sha256, dataset.report["rows"]) == (DatasetStatus.READY, SHA, 2)
    assert check.run.world.job(check.run.job_id).result == {"rows": 2, "kept": 1, "dropped": 1}
    with sessions() as session:
        assert is_staged(session, "lab", SHA)


def test_a_refused_file_is_no_failure_of_the_check(check: Check) -> None:
    finding = {"loc": ["file", 2], "message": "row 2 (line 2): not valid JSON", "hint": "mend it"}
    assert check.end(0, {"findings": [finding]}) is JobStatus.SUCCEEDED
    dataset = check.dataset()
    assert (dataset.status, dataset.findings) == (DatasetStatus.REFUSED, [finding])
    assert check.run.world.job(check.run.job_id).result == {"findings": 1}


@pytest.mark.parametrize(("exit_code", "report"), [(0, None), (1, None), (1, told()), (0, told(sha256="x"))])
def test_a_check_without_a_verdict_fails_and_refuses(
    check: Check, exit_code: int, report: dict[str, Any] | None, sessions: sessionmaker[Session]
) -> None:
    assert check.end(exit_code, report) is JobStatus.FAILED
    dataset = check.dataset()
    assert dataset.status is DatasetStatus.REFUSED
    assert dataset.findings is not None
    (finding,) = dataset.findings
    assert finding["message"].startswith(f"the check {check.run.job_id} failed: ")
    with sessions() as session:
        assert not is_staged(session, "lab", SHA)


def test_a_check_that_is_cancelled_refuses(check: Check, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        cancel_job(session, check.run.job_id, "ada", NOON)
    assert check.end(143, None) is JobStatus.CANCELLED
    findings = check.dataset().findings
    assert findings is not None
    assert "was cancelled" in findings[0]["message"]


def test_what_the_settings_no_longer_allow_is_refused_before_it_is_sent(
    world: World, sessions: sessionmaker[Session]
) -> None:
    check = Check(world, sessions)
    with transaction(sessions) as session:
        job = session.get_one(Job, check.run.job_id)
        job.status, job.attempt, job.slurm_job_id = JobStatus.QUEUED, 1, None
        job.config = {**job.config, "cluster_path": "/elsewhere/x"}
    assert submit(check.run.driver) == 0
    assert check.dataset().status is DatasetStatus.REFUSED
