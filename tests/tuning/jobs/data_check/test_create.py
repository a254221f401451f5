"""Checks as jobs, and what their end means for a data set; on both kinds of database."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_cluster_settings, make_dataset, make_user
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.errors import InvalidInput
from tuning.jobs.actions.control import cancel_job
from tuning.jobs.actions.create import Asker
from tuning.jobs.data_check.create import CheckSite, make_check
from tuning.jobs.models import Job
from tuning.jobs.request.resources import ClusterView, PartitionView
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition
from tuning.settings import PartitionDefaults

CLUSTER = make_cluster_settings(
    allowed_roots=("/data",), defaults=PartitionDefaults(partition="gpu", gpus_per_node=4, nodes=2, qos="low")
)
VIEW = ClusterView({"gpu": PartitionView(2, 8, max_seconds=3600)})
SITE = CheckSite(CLUSTER, VIEW)
CONFIG = {"dataset": "ds_1", "cluster_path": "/data/x.jsonl"}


@pytest.fixture
def asker(session: Session) -> Asker:
    return Asker(make_user(session).id)


def test_it_is_a_small_job_with_the_clusters_defaults(session: Session, asker: Asker) -> None:
    job, is_new = make_check(session, CONFIG, SITE, asker, NOON)
    assert is_new
    assert (job.kind, job.name, job.status) == ("check", "check of /data/x.jsonl", JobStatus.QUEUED)
    wanted = {"cluster": "lab", "partition": "gpu", "qos": "low", "nodes": 1, "gpus_per_node": 0, "memory": "4G"}
    assert wanted.items() <= job.resources.items()
    assert job.resources["time_limit"] == "01:00:00"
    assert job.config == CONFIG


def test_the_same_key_makes_it_once(session: Session, asker: Asker) -> None:
    keyed = Asker(asker.user_id, "key", "job_0")
    first, _ = make_check(session, CONFIG, SITE, keyed, NOON)
    again, is_new = make_check(session, CONFIG, SITE, keyed, NOON)
    assert (again.id, is_new) == (first.id, False)
    with pytest.raises(InvalidInput, match="another request"):
        make_check(session, {**CONFIG, "cluster_path": "/data/y"}, SITE, keyed, NOON)


def test_what_the_cluster_does_not_have_is_said(session: Session, asker: Asker) -> None:
    site = CheckSite(CLUSTER, ClusterView({"cpu": PartitionView(2, 0)}))
    with pytest.raises(InvalidInput, match="no partition gpu"):
        make_check(session, CONFIG, site, asker, NOON)


def checked(session: Session, asker: Asker) -> tuple[Job, Dataset]:
    job, _ = make_check(session, CONFIG, SITE, asker, NOON)
    owner = make_user(session, name="owner")
    return job, make_dataset(session, owner, status=DatasetStatus.CHECKING, check_job=job.id, cluster="lab")


def test_a_cancelled_check_refuses_its_data_set(session: Session, asker: Asker) -> None:
    job, dataset = checked(session, asker)
    cancel_job(session, job.id, "ada", NOON)
    session.refresh(dataset)
    assert dataset.status is DatasetStatus.REFUSED
    assert dataset.findings is not None
    (finding,) = dataset.findings
    assert finding["message"] == f"the check {job.id} was cancelled: cancelled by ada"
    assert f"/jobs/{job.id}/retry" in finding["hint"]


def test_a_failed_check_refuses_its_data_set_wherever_it_fails(session: Session, asker: Asker) -> None:
    job, dataset = checked(session, asker)
    transition(session, job, JobStatus.FAILED, "no such image", NOON)
    session.refresh(dataset)
    assert dataset.findings is not None
    assert dataset.findings[0]["message"] == f"the check {job.id} failed: no such image"


def test_what_a_check_has_settled_stays(session: Session, asker: Asker) -> None:
    job, dataset = checked(session, asker)
    dataset.status = DatasetStatus.READY
    session.flush()
    transition(session, job, JobStatus.CANCELLED, "too late", NOON)
    session.refresh(dataset)
    assert (dataset.status, dataset.findings) == (DatasetStatus.READY, None)
