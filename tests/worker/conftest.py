"""A driver over a real database, and a cluster that answers what a test tells it to."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock, make_cluster_settings, make_job, make_user
from tuning.clusters.lease import acquire, ensure_row
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.errors import ClusterError, CopiesGone
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.secrets.cipher import Cipher
from tuning.slurm.cluster import Cluster, NamedJob, ReadAnswer, ReadRequest, Submission, SubmissionAnswer
from tuning.ssh.budget import Traffic
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed
from worker.ages import Ages
from worker.breaker import Breaker
from worker.driver import Driver
from worker.submit.batch import Submitter
from worker.submit.cluster_cache import KnownCluster
from worker.submit.limits import LimitGate
from worker.submit.pauses import Pauses


def _refuse(command: str, _stdin: bytes) -> NoReturn:
    raise AssertionError(f"a test without answers ran {command}")


class ScriptedCluster(Cluster):
    """Answers as told; remembers what it was asked."""

    def __init__(self) -> None:
        def handler(command: str, stdin: bytes) -> Completed:
            _refuse(command, stdin)

        super().__init__(make_cluster_settings(), FakeTransport(handler))
        self.answers: dict[str, SubmissionAnswer | None] = {}
        """By job id; none = Slurm gives it the next number."""
        self.put_fails: ClusterError | None = None
        self.gone: set[str] = set()
        """Copies of data that are gone, by paths under the root."""
        self.submitted: list[Submission] = []
        self.known: dict[str, list[int]] = {}
        self.claims: dict[str, bool] = {}
        self.contents: dict[str, bytes] = {}
        self.cancelled: list[int] = []
        self.cancelled_waiting: list[int] = []
        self.stopped: list[int] = []
        self.deaf: set[int] = set()
        """Jobs that Slurm does not have at this moment."""
        self.inspected: list[int] = []

    def submit(self, batch: Sequence[Submission]) -> list[SubmissionAnswer]:
        """Answers by job."""
        if self.put_fails:
            raise self.put_fails
        if gone := [path for one in batch for path in one.data if path in self.gone]:
            raise CopiesGone(gone)
        self.submitted += batch
        return [self._answer(one, number) for number, one in enumerate(batch, 100)]

    def look_up(self, job_names: Mapping[str, str], since_seconds: float) -> dict[str, list[int]]:
        """Answers by token."""
        return {token: self.known.get(token, []) for token in job_names}

    def abandon(self, directories: Sequence[str]) -> dict[str, bool]:
        """Claims as told; an untold claim is ours."""
        return {directory: self.claims.get(directory, True) for directory in directories}

    def read(self, requests: Sequence[ReadRequest]) -> ReadAnswer:
        """Contents by path."""
        return ReadAnswer({one.path: self.contents[one.path] for one in requests if one.path in self.contents})

    def cancel(self, jobs: Iterable[NamedJob]) -> None:
        """Remember."""
        self.cancelled += [slurm_job_id for slurm_job_id, _ in jobs]

    def cancel_waiting(self, jobs: Iterable[NamedJob]) -> None:
        """Remember."""
        self.cancelled_waiting += [slurm_job_id for slurm_job_id, _ in jobs]

    def inspect(self, slurm_job_id: int) -> str:
        """Remember."""
        self.inspected.append(slurm_job_id)
        return "load 0.0"

    def ask_to_stop(self, jobs: Iterable[NamedJob]) -> frozenset[str]:
        """Remember; who is deaf does not hear it."""
        asked = list(jobs)
        self.stopped += [slurm_job_id for slurm_job_id, _ in asked]
        return frozenset(name for slurm_job_id, name in asked if slurm_job_id not in self.deaf)

    def _answer(self, one: Submission, number: int) -> SubmissionAnswer:
        job_id = one.directory.split("/")[-2]
        told = self.answers.get(job_id)
        if told is None:
            return SubmissionAnswer(one.token, slurm_job_id=number)
        return replace(told, token=one.token)


def submit(driver: Driver) -> int:
    """A worker that has just begun hands over what waits."""
    return Submitter(driver, KnownCluster(driver.settings)).submit_waiting()


class World:
    """Rows and cluster of a worker's step, for a look at its changes."""

    def __init__(self, driver: Driver, cluster: ScriptedCluster, sessions: sessionmaker[Session], clock: Clock) -> None:
        self.driver, self.cluster, self.clock = driver, cluster, clock
        self._sessions = sessions

    def add(self, status: JobStatus = JobStatus.QUEUED, *, cancel: bool = False, name: str = "ada") -> str:
        """A job; one that is past the claim has an attempt."""
        with transaction(self._sessions) as session:
            job = make_job(session, make_user(session, name=name), status=status)
            if cancel:
                job.cancel_requested_at = self.clock()
            if status is not JobStatus.QUEUED:
                job.attempt = 1
                session.add(
                    Attempt(job_id=job.id, number=1, token=f"tok-{job.id}", created_at=self.clock(), missing_polls=0)
                )
            return job.id

    def submitter(self, pauses: Pauses | None = None, gate: LimitGate | None = None) -> Submitter:
        """Of a worker that has just begun."""
        return Submitter(self.driver, KnownCluster(self.driver.settings), pauses, gate)

    def job(self, job_id: str) -> Job:
        """The job as it stands."""
        with self._sessions() as session:
            return session.get_one(Job, job_id)

    def attempts(self, job_id: str) -> list[tuple[int, int | None]]:
        """(number, Slurm id) of each attempt."""
        with self._sessions() as session:
            rows = session.scalars(select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number))
            return [(row.number, row.slurm_job_id) for row in rows]

    def spoil(self, job_id: str) -> None:
        """Give a job a model that the settings no longer allow."""
        with transaction(self._sessions) as session:
            job = session.get_one(Job, job_id)
            job.config = {**job.config, "model_name_or_path": "/elsewhere/model"}

    def lose_lease(self) -> None:
        """Another worker takes the cluster over."""
        with transaction(self._sessions) as session:
            session.execute(update(ClusterRow).values(lease_token=ClusterRow.lease_token + 1, lease_owner="other"))


@pytest.fixture
def world(sessions: sessionmaker[Session], clock: Clock) -> World:
    """A worker that holds the lease of `lab`."""
    with transaction(sessions) as session:
        ensure_row(session, "lab")
    with transaction(sessions) as session:
        lease = acquire(session, "lab", "test", clock(), 30)
        registered = {"datasets": {"identity": {"file_name": "identity.json"}}}
        session.execute(update(ClusterRow).values(snapshot=registered))
    assert lease
    cluster = ScriptedCluster()
    driver = Driver(
        make_cluster_settings(),
        sessions,
        cluster,
        Traffic(),
        Breaker(10.0),
        lease,
        clock,
        Cipher(SecretStr("key")),
        threading.Event(),
        Ages(lambda: clock().timestamp()),
    )
    return World(driver, cluster, sessions, clock)
