"""Copies of data sets that somebody removed or changed on the cluster are staged again before a job needs them."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, make_cluster_settings, make_dataset
from tests.local_transport import LocalTransport
from tests.worker.conftest import World
from tuning.datasets.repository import mark_staged, staged
from tuning.datasets.storage.store import ContentStore
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.slurm.cluster import Cluster
from tuning.slurm.inventory import CopyStat
from worker.staging.copies import CopiesCheck, lost_copies
from worker.staging.upload import stage_missing

CONTENT = b'[{"instruction": "a", "output": "b"}]'
DIGEST = sha256(CONTENT).hexdigest()
GOOD = CopyStat(len(CONTENT), 7, "100.5")
NAME = f"{DIGEST}.json"


@pytest.fixture
def job_id(world: World, sessions: sessionmaker[Session]) -> str:
    """A queued job whose data lies on the cluster, as the database says."""
    job_id = world.add()
    with transaction(sessions) as session:
        job = session.get_one(Job, job_id)
        make_dataset(session, session.get_one(User, job.owner_id), job=job, sha256=DIGEST, size_bytes=len(CONTENT))
        mark_staged(session, "lab", DIGEST, NOON)
    return job_id


def is_staged(sessions: sessionmaker[Session]) -> bool:
    with sessions() as session:
        return DIGEST in staged(session, "lab", {DIGEST})


@pytest.mark.parametrize(
    ("found", "is_kept"),
    [
        ({NAME: GOOD}, True),
        (None, True),
        ({}, False),
        ({NAME: replace(GOOD, size_bytes=3)}, False),
        ({f"{DIGEST}.csv": GOOD}, False),
    ],
    ids=["there", "away", "removed", "cut short", "another name"],
)
@pytest.mark.usefixtures("job_id")
def test_a_copy_that_is_not_as_it_was_is_forgotten(
    world: World, sessions: sessionmaker[Session], found: dict[str, CopyStat] | None, is_kept: bool
) -> None:
    check = CopiesCheck(world.driver)
    check.compare(check.known(), found)
    assert is_staged(sessions) is is_kept


@pytest.mark.usefixtures("job_id")
def test_a_copy_that_somebody_wrote_to_is_forgotten_once(world: World, sessions: sessionmaker[Session]) -> None:
    check, changed = CopiesCheck(world.driver), {NAME: replace(GOOD, modified="101.5")}
    check.compare(check.known(), {NAME: GOOD})
    check.compare(check.known(), changed)
    assert not is_staged(sessions)
    with transaction(sessions) as session:
        mark_staged(session, "lab", DIGEST, NOON)
    check.compare(check.known(), changed)
    assert is_staged(sessions)


def test_a_job_whose_data_is_gone_waits_until_it_was_copied_again(
    world: World, sessions: sessionmaker[Session], job_id: str, tmp_path: Path
) -> None:
    without_data = world.add(name="other")
    settings = make_cluster_settings(root=str(tmp_path / "root"))
    cluster = Cluster(settings, LocalTransport())
    cluster.prepare()
    store = ContentStore(tmp_path / "store", 10**9)
    (tmp_path / "store").mkdir(exist_ok=True)
    store.path(DIGEST, "json").parent.mkdir(parents=True, exist_ok=True)
    store.path(DIGEST, "json").write_bytes(CONTENT)
    world.cluster.gone = {f"datasets/{NAME}"}
    submitter = world.submitter()
    submitter.submit_waiting()
    assert {world.job(one).status for one in (job_id, without_data)} == {JobStatus.QUEUED}
    assert "copied again" in (world.job(job_id).status_reason or "")
    assert not is_staged(sessions)
    submitter.submit_waiting()
    assert world.job(without_data).status is JobStatus.PENDING
    assert world.job(job_id).status is JobStatus.QUEUED
    assert stage_missing(replace(world.driver, settings=settings, cluster=cluster), store) == 1
    assert (tmp_path / "root/datasets" / NAME).read_bytes() == CONTENT
    world.cluster.gone = set()
    submitter.submit_waiting()
    assert (world.job(job_id).status, world.attempts(job_id)) == (JobStatus.PENDING, [(1, 100)])


def test_a_content_that_only_the_cluster_has_may_come_back(
    world: World, sessions: sessionmaker[Session], job_id: str, tmp_path: Path
) -> None:
    settings = make_cluster_settings(root=str(tmp_path))
    cluster = Cluster(settings, LocalTransport())
    cluster.prepare()
    CopiesCheck(world.driver).compare([(DIGEST, "json", len(CONTENT))], {})
    assert not is_staged(sessions)
    (tmp_path / "datasets" / NAME).write_bytes(CONTENT)
    stage_missing(replace(world.driver, settings=settings, cluster=cluster), ContentStore(tmp_path / "store", 10**9))
    assert is_staged(sessions)
    assert world.job(job_id).status is JobStatus.QUEUED


STATS = st.builds(CopyStat, st.integers(0, 3), st.integers(0, 2), st.sampled_from(["1.0", "2.0"]))
LISTINGS = st.dictionaries(st.sampled_from([f"{sha}.{ext}" for sha in "ab" for ext in ("json", "jsonl")]), STATS)
KNOWN = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["json", "jsonl"]), st.integers(0, 3)), max_size=5)


@given(known=KNOWN, found=LISTINGS, earlier=LISTINGS)
def test_only_known_contents_are_lost_and_none_that_lies_there_as_before(
    known: list[tuple[str, str, int]], found: dict[str, CopyStat], earlier: dict[str, CopyStat]
) -> None:
    lost = lost_copies(known, found, earlier)
    assert lost <= {sha for sha, _, _ in known}
    for sha, extension, size in known:
        stat = found.get(f"{sha}.{extension}")
        if stat is not None and stat.size_bytes == size and earlier.get(f"{sha}.{extension}") in (None, stat):
            assert sha not in lost
