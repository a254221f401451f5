"""A clean-up lists what nobody has needed for a while, and removes nothing else."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ops.storage.cleanup import collect, disused, remove
from ops.storage.disused_kinds import DisusedKind
from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.clusters.model_aliases import set_result_alias
from tuning.datasets.models import Dataset
from tuning.datasets.storage.store import ContentStore
from tuning.jobs.actions.removals import Unwanted, wanted_removals
from tuning.jobs.models import Artifact, Job, JobDataset, JobDependency
from tuning.jobs.queries.sources import source_jobs
from tuning.jobs.request.sources import check_source
from tuning.jobs.status import JobStatus
from tuning.models.names import ResultName
from tuning.models.pins import add_pin
from tuning.people.audit import Actor, AuditFilter, entries
from tuning.people.models import User

DAY = timedelta(days=1)
BEFORE = NOON - 30 * DAY
BY = Actor("operator", address="shell of root")
UPLOADS, CHECKPOINTS, OUTPUTS = DisusedKind


@pytest.fixture
def owner(session: Session) -> User:
    return make_user(session)


def ended(session: Session, owner: User, days_ago: int, **columns: Any) -> Job:
    """A job that succeeded, with two checkpoints and an adapter."""
    job = make_job(session, owner, status=JobStatus.SUCCEEDED, finished_at=NOON - days_ago * DAY, **columns)
    for path, size_bytes in (("checkpoint-5/model", 100), ("checkpoint-10/model", 200), ("adapter", 1000)):
        session.add(Artifact(job_id=job.id, path=path, size_bytes=size_bytes, modified_at=NOON))
    session.flush()
    return job


def found(session: Session, kind: DisusedKind, before: datetime = BEFORE) -> list[tuple[str, int]]:
    return [(each.id, each.size_bytes) for each in disused(session, [kind], before)[kind]]


def test_checkpoints_and_outputs_of_jobs_that_ended_long_ago(session: Session, owner: User) -> None:
    old = ended(session, owner, 40)
    ended(session, owner, 20)
    make_job(session, owner)
    assert found(session, CHECKPOINTS) == [(old.id, 300)]
    assert found(session, OUTPUTS) == [(old.id, 1300)]


@pytest.mark.parametrize("how", ["waits for it", "is based on it"])
def test_what_an_unfinished_job_needs_is_left_out(session: Session, owner: User, how: str) -> None:
    old = ended(session, owner, 40)
    other = make_job(session, owner, source_job=old.id if how == "is based on it" else None)
    if how == "waits for it":
        session.add(JobDependency(job_id=other.id, depends_on=old.id))
    assert found(session, CHECKPOINTS) == found(session, OUTPUTS) == []
    other.finished_at = NOON
    session.flush()
    assert [job_id for job_id, _ in found(session, CHECKPOINTS)] == [old.id]
    assert len(found(session, OUTPUTS)) == (how == "waits for it")


def test_uploads_that_no_job_has_used_since(session: Session, owner: User) -> None:
    make_dataset(session, owner, created_at=NOON, sha256="0" * 64)
    never = make_dataset(session, owner, created_at=NOON - 40 * DAY, sha256="1" * 64, size_bytes=5)
    make_dataset(session, owner, job=ended(session, owner, 3), created_at=NOON - 50 * DAY, sha256="2" * 64)
    make_dataset(session, owner, job=make_job(session, owner), created_at=NOON - 50 * DAY, sha256="3" * 64)
    used = make_dataset(session, owner, job=ended(session, owner, 40), created_at=NOON - 50 * DAY, sha256="4" * 64)
    assert found(session, UPLOADS) == [(used.id, 1000), (never.id, 5)]
    since = {each.id: each.since for each in disused(session, [UPLOADS], BEFORE)[UPLOADS]}
    assert since == {used.id: NOON - 40 * DAY, never.id: NOON - 40 * DAY}


def test_removals_go_the_ways_that_there_are(session: Session, owner: User, tmp_path: Path) -> None:
    old, older = ended(session, owner, 40), ended(session, owner, 50)
    dataset = make_dataset(session, owner, created_at=NOON - 40 * DAY)
    store = ContentStore(tmp_path, 0)
    assert remove(session, disused(session, list(DisusedKind)[:2], BEFORE), BY, NOON) == 3
    assert session.get_one(Dataset, dataset.id, populate_existing=True).deleted_at == NOON
    paths = {(each.job_id, each.path) for each in wanted_removals(session, "lab", 99)}
    assert paths == {(job.id, f"output/checkpoint-{step}") for job in (old, older) for step in (5, 10)}
    assert collect(session, store, NOON) == 0
    assert disused(session, list(DisusedKind), BEFORE) == {UPLOADS: [], CHECKPOINTS: [], OUTPUTS: []}


def test_the_output_of_an_old_job_goes_and_none_can_be_based_on_it(session: Session, owner: User) -> None:
    old = ended(session, owner, 40, config={"finetuning_type": "lora"})
    (before,) = source_jobs(session, [old.id]).values()
    assert check_source("export", before, None, "lab") == []
    assert remove(session, disused(session, [OUTPUTS], BEFORE), BY, NOON) == 1
    assert wanted_removals(session, "lab", 99) == [Unwanted(old.id, "output")]
    assert (old.result, old.version) == ({"output_removed": True}, 2)
    (after,) = source_jobs(session, [old.id]).values()
    assert after.checkpoints == frozenset()
    for checkpoint in (None, 5):
        (finding,) = check_source("export", after, checkpoint, "lab")
        assert finding.message == f"the output of {old.id} was removed from the cluster"
    assert remove(session, disused(session, [OUTPUTS], BEFORE), BY, NOON) == 0


@pytest.mark.parametrize("way", [Job.source_job, Job.resume_job])
def test_the_output_that_another_job_is_based_on_stays_for_good(
    session: Session, owner: User, way: InstrumentedAttribute[str | None]
) -> None:
    old, free = ended(session, owner, 40), ended(session, owner, 40)
    listed = disused(session, [OUTPUTS], BEFORE)
    assert {each.id for each in listed[OUTPUTS]} == {old.id, free.id}
    setattr(make_job(session, owner, status=JobStatus.FAILED, finished_at=NOON), way.key, old.id)
    session.flush()
    assert found(session, OUTPUTS) == [(free.id, 1300)]
    assert remove(session, listed, BY, NOON) == 1, "also what became one's source since it was listed"
    assert wanted_removals(session, "lab", 99) == [Unwanted(free.id, "output")]


def test_an_output_waits_for_a_job_that_came_to_need_it(session: Session, owner: User) -> None:
    old = ended(session, owner, 40)
    remove(session, disused(session, [OUTPUTS], BEFORE), BY, NOON)
    late = make_job(session, owner, source_job=old.id)
    assert wanted_removals(session, "lab", 99) == []
    late.status = JobStatus.SUCCEEDED
    session.flush()
    assert wanted_removals(session, "lab", 99) == [Unwanted(old.id, "output")]


def test_each_removal_is_in_the_record_of_changes(session: Session, owner: User) -> None:
    old, dataset = ended(session, owner, 40), make_dataset(session, owner, created_at=NOON - 40 * DAY)
    remove(session, disused(session, [UPLOADS, CHECKPOINTS], BEFORE), BY, NOON)
    written = {
        (each.actor, each.address, each.action, each.subject_kind, each.subject)
        for each in entries(session, AuditFilter(), 9)
    }
    assert written == {
        ("operator", "shell of root", "storage.uploads_removed", "dataset", dataset.id),
        ("operator", "shell of root", "storage.checkpoints_removed", "job", old.id),
    }
    assert [each.before for each in entries(session, AuditFilter(subject=old.id), 9)] == [
        {"name": old.name, "owner": "ada", "cluster": "lab", "bytes": 300}
    ]


def test_what_is_needed_again_meanwhile_stays(session: Session, owner: User) -> None:
    old = ended(session, owner, 40)
    dataset = make_dataset(session, owner, created_at=NOON - 40 * DAY)
    listed = disused(session, list(DisusedKind), BEFORE)
    old.status, old.finished_at = JobStatus.RUNNING, None
    session.add(JobDataset(job_id=make_job(session, owner).id, position=0, dataset_id=dataset.id))
    session.flush()
    assert remove(session, listed, BY, NOON) == 0
    assert wanted_removals(session, "lab", 99) == []
    assert session.scalars(select(Dataset.deleted_at)).all() == [None]


@pytest.mark.parametrize("how", ["pinned", "with an alias"])
def test_what_is_kept_by_name_is_spared(session: Session, owner: User, how: str) -> None:
    whole, half = ended(session, owner, 40), ended(session, owner, 40)
    for job, checkpoint in ((whole, None), (half, 5)):
        if how == "pinned":
            add_pin(session, ResultName(job.id, checkpoint), "ada", NOON)
        else:
            alias = f"prod-{checkpoint}"
            set_result_alias(session, "lab", alias, (job.id, checkpoint), (), NOON)
    assert found(session, OUTPUTS) == []
    assert found(session, CHECKPOINTS) == [(whole.id, 300), (half.id, 200)]
    remove(session, disused(session, [CHECKPOINTS], BEFORE), BY, NOON)
    wanted = {(its.job_id, its.path) for its in wanted_removals(session, "lab", 10)}
    assert {path for job_id, path in wanted if job_id == half.id} == {"output/checkpoint-10"}
    assert len(wanted) == 3


def test_a_result_that_was_pinned_meanwhile_stays(session: Session, owner: User) -> None:
    old = ended(session, owner, 40)
    listed = disused(session, [OUTPUTS], BEFORE)
    add_pin(session, ResultName(old.id), "ada", NOON)
    assert remove(session, listed, BY, NOON) == 0
