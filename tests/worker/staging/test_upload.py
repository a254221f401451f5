"""A data set that cannot be copied holds up its own jobs, and no others."""

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_dataset, make_job, make_user
from tests.worker.conftest import ScriptedCluster, World
from tuning.datasets.storage.store import ContentStore
from tuning.db.engine import transaction
from tuning.errors import ClusterError, CommandTimedOut, RemoteDiskFull, RemoteFileError, Unreachable, UploadDamaged
from tuning.jobs.models import Job, JobEvent, Trouble
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import LONGEST_PAUSE
from worker.driver import Driver
from worker.staging.upload import stage_missing
from worker.submit import batch as submitting
from worker.submit.batch import Submitter
from worker.submit.cluster_cache import KnownCluster


class StagedTo(ScriptedCluster):
    """Takes contents, but for those that it is told to refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, ClusterError] = {}
        self.copied: list[str] = []

    def stage(self, content: BinaryIO, size_bytes: int, sha256: str, path: str) -> None:
        """See Cluster.stage."""
        if sha256 in self.refused:
            raise self.refused[sha256]
        self.copied.append(sha256)

    def has_content(self, size_bytes: int, sha256: str, path: str) -> bool:
        """See Cluster.has_content."""
        return sha256 in self.copied


class Library:
    """Jobs, each with a data set of its own: the contents a, bb, ccc, ..."""

    def __init__(self, world: World, sessions: sessionmaker[Session], folder: Path) -> None:
        self.world, self.sessions = world, sessions
        self.site, self.store = StagedTo(), ContentStore(folder, 1_000_000)
        self.driver: Driver = replace(world.driver, cluster=self.site)
        self.submitter = Submitter(self.driver, KnownCluster(self.driver.settings))
        self.jobs: dict[str, str] = {}

    def add(self, count: int, *, offset: int = 0) -> list[str]:
        with transaction(self.sessions) as session:
            owner = make_user(session, name=f"user{offset}")
            for number in range(offset, offset + count):
                content = bytes([97 + number % 26]) * (number + 1)
                digest = sha256(content).hexdigest()
                job = make_job(session, owner)
                job.config = {**job.config, "dataset": None}
                make_dataset(session, owner, job=job, sha256=digest, size_bytes=len(content), name=f"data{number}")
                self.jobs[job.id] = digest
                path = self.store.path(digest, "json")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return list(self.jobs)[offset : offset + count]

    def staged(self) -> set[str]:
        return set(self.site.copied)

    def reasons(self) -> dict[str, str]:
        return {job_id: self.world.job(job_id).status_reason or "" for job_id in self.jobs}


@pytest.fixture
def library(world: World, sessions: sessionmaker[Session], tmp_path: Path) -> Library:
    return Library(world, sessions, tmp_path / "store")


@pytest.mark.parametrize(
    "error",
    [
        RemoteDiskFull("the cluster's disk is full"),
        RemoteFileError("there is a folder of that name"),
        CommandTimedOut("no answer within 60 s"),
        UploadDamaged("it was damaged on its way"),
    ],
)
def test_one_that_cannot_be_copied_holds_up_its_own_jobs_only(library: Library, error: ClusterError) -> None:
    job_ids = library.add(5)
    culprit = job_ids[1]
    library.site.refused = {library.jobs[culprit]: error}
    assert stage_missing(library.driver, library.store) == 4
    reasons = library.reasons()
    assert str(error) in reasons[culprit]
    assert not any(str(error) in reason for job_id, reason in reasons.items() if job_id != culprit)
    assert stage_missing(library.driver, library.store) == 0
    library.site.refused = {}
    library.world.clock.advance(LONGEST_PAUSE.total_seconds())
    assert stage_missing(library.driver, library.store) == 1
    with library.sessions() as session:
        assert session.scalars(select(Trouble)).all() == []


def test_a_content_that_is_gone_is_said_to_its_own_jobs_and_heals(library: Library) -> None:
    job_ids = library.add(3)
    path = library.store.path(library.jobs[job_ids[0]], "json")
    content = path.read_bytes()
    path.unlink()
    assert stage_missing(library.driver, library.store) == 2
    assert "the content of the data set data0 is missing in the server's store" in library.reasons()[job_ids[0]]
    with library.sessions() as session:
        told = session.scalars(select(JobEvent.job_id).where(JobEvent.type == "warning")).all()
        assert told == [job_ids[0]]
    path.write_bytes(content)
    library.world.clock.advance(LONGEST_PAUSE.total_seconds())
    assert stage_missing(library.driver, library.store) == 1


def test_content_that_breaks_the_connection_comes_last(library: Library) -> None:
    job_ids = library.add(5)
    library.site.refused = {library.jobs[job_ids[4]]: Unreachable("the connection broke")}
    with pytest.raises(Unreachable):
        stage_missing(library.driver, library.store)
    assert library.staged() == {library.jobs[job_id] for job_id in job_ids[:4]}


def test_many_jobs_of_one_kind_do_not_stop_those_behind_them(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are looked at in one go have data that cannot be copied; those behind them are submitted."""
    monkeypatch.setattr(submitting, "LOOK_AHEAD", 20)
    bad = library.add(20)
    good = library.add(3, offset=20)
    with transaction(library.sessions) as session:
        for job_id in bad:
            library.site.refused[library.jobs[job_id]] = RemoteFileError("no such place")
            session.get_one(Job, job_id).priority = 5
    stage_missing(library.driver, library.store)
    library.submitter.submit_waiting()
    assert {library.world.job(job_id).status for job_id in good} == {JobStatus.PENDING}
    assert {library.world.job(job_id).status for job_id in bad} == {JobStatus.QUEUED}


def test_the_content_itself_is_given_to_the_cluster(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    [job_id] = library.add(1)
    given: list[bytes] = []
    monkeypatch.setattr(library.site, "stage", lambda content, *_: given.append(BytesIO(content.read()).getvalue()))
    stage_missing(library.driver, library.store)
    assert given == [library.store.path(library.jobs[job_id], "json").read_bytes()]
