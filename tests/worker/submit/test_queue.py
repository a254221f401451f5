"""Waiting jobs are handed over in the fair order, as many as the window is long, and the others say why they wait."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds, make_attempt, make_job, make_user
from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from worker.submit.batch import Submitter
from worker.submit.cluster_cache import KnownCluster
from worker.submit.queue import HELD_BACK, KEPT_SECONDS, QueueOrder
from worker.submit.taken_back import MOST_AT_ONCE, take_back


class Lab:
    """A cluster of eight GPUs whose partition `gpu` is known, with a window of two jobs."""

    def __init__(self, world: World, sessions: sessionmaker[Session]) -> None:
        self.world, self.sessions = world, sessions
        world.driver = replace(world.driver, settings=world.driver.settings.model_copy(update={"window_jobs": 2}))
        node = {"name": "n1", "partitions": ["gpu"], "gpus": 8, "gpus_in_use": 8, "cpus": 64, "memory_mb": 1000}
        snapshot = {"datasets": {"identity": {"file_name": "identity.json"}}, "nodes": [node]}
        with transaction(sessions) as session:
            session.execute(update(ClusterRow).values(snapshot=snapshot, snapshot_at=world.clock()))
            self.people = [make_user(session, name=name) for name in ("ada", "bob")]
        self.submitter = Submitter(world.driver, KnownCluster(world.driver.settings))

    def add(self, owner: User, *, age_seconds: float = 0, **columns: Any) -> str:
        since = self.world.clock() - timedelta(seconds=age_seconds)
        values: dict[str, Any] = {
            "gpus": 1,
            "limit_seconds": 3600,
            "partition": "gpu",
            "queued_at": since,
            "created_at": since,
        }
        with transaction(self.sessions) as session:
            job = make_job(session, owner, **{**values, **columns})
            if job.status is not JobStatus.QUEUED:
                job.attempt, job.slurm_job_id = 1, 7
                began = since if job.status is JobStatus.RUNNING else None
                make_attempt(session, job, slurm_job_id=7, submitted_at=since, started_at=began)
            return job.id

    def submitted(self) -> list[str]:
        return [one.directory.split("/")[-2] for one in self.world.cluster.submitted]

    def marks(self) -> set[str]:
        with self.sessions() as session:
            return {row.job_id for row in session.query(Attempt) if row.ended_by == "taken_back"}


@pytest.fixture
def lab(world: World, sessions: sessionmaker[Session]) -> Lab:
    return Lab(world, sessions)


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_who_used_less_comes_before_older_jobs_of_who_used_more(lab: Lab) -> None:
    ada, bob = lab.people
    lab.add(ada, status=JobStatus.RUNNING, gpus=8, age_seconds=600)
    older = [lab.add(ada, age_seconds=50 - n) for n in range(5)]
    own = lab.add(bob)
    assert lab.submitter.submit_waiting() == 2
    assert lab.submitted() == [own, older[0]]


def test_what_is_held_back_says_so_once(lab: Lab) -> None:
    for n in range(4):
        lab.add(lab.people[n % 2], age_seconds=n)
    lab.submitter.submit_waiting()
    lab.submitter.submit_waiting()
    with lab.sessions() as session:
        waiting = session.query(Job).filter_by(status=JobStatus.QUEUED).all()
        assert [(job.status_reason, job.version) for job in waiting] == [(HELD_BACK, 2)] * 2


def test_with_free_gpus_nothing_that_fits_is_held_back(lab: Lab) -> None:
    with transaction(lab.sessions) as session:
        row = session.query(ClusterRow).one()
        row.snapshot = {**(row.snapshot or {}), "nodes": [{**(row.snapshot or {})["nodes"][0], "gpus_in_use": 3}]}
    for n in range(9):
        lab.add(lab.people[n % 2])
    assert lab.submitter.submit_waiting() == 5


def test_the_jobs_of_a_single_person_are_all_handed_over(lab: Lab) -> None:
    for _ in range(9):
        lab.add(lab.people[0])
    assert lab.submitter.submit_waiting() == 9


def test_the_next_is_handed_over_when_a_pending_job_starts(lab: Lab) -> None:
    for n in range(6):
        lab.add(lab.people[n % 2])
    lab.submitter.submit_waiting()
    assert lab.submitter.submit_waiting() == 0
    with transaction(lab.sessions) as session:
        session.execute(update(Job).where(Job.id == lab.submitted()[0]).values(status=JobStatus.RUNNING))
    assert lab.submitter.submit_waiting() == 1


def test_a_job_that_comes_while_an_order_is_kept_stands_at_its_end(lab: Lab) -> None:
    seconds = Seconds()
    queue = QueueOrder(lab.world.driver, KnownCluster(lab.world.driver.settings), seconds)
    first = lab.add(lab.people[0])
    with lab.sessions() as session:
        assert queue.in_order(session) == [first]
    urgent = lab.add(lab.people[1], job_class="urgent")
    with lab.sessions() as session:
        assert queue.in_order(session) == [first, urgent]
        seconds.now += KEPT_SECONDS
        assert queue.in_order(session) == [urgent, first]


def test_use_is_read_again_only_when_more_than_waiting_jobs_changed(lab: Lab, statements: list[str]) -> None:
    seconds, (ada, bob) = Seconds(), lab.people
    queue = QueueOrder(lab.world.driver, KnownCluster(lab.world.driver.settings), seconds)
    first = lab.add(ada)

    def look() -> tuple[list[str], int]:
        statements.clear()
        seconds.now += 0.1
        with lab.sessions() as session:
            return queue.in_order(session), sum("FROM decayed_use" in each for each in statements)

    assert look() == ([first], 1)
    urgent = lab.add(ada, job_class="urgent")
    assert look() == ([urgent, first], 0)
    lab.add(ada, status=JobStatus.RUNNING, gpus=8, age_seconds=600)
    assert look() == ([urgent, first], 1)
    other = lab.add(bob, job_class="urgent")
    assert look() == ([other, urgent, first], 1)
    seconds.now += KEPT_SECONDS
    assert look() == ([other, urgent, first], 1)


def test_a_single_job_is_handed_over_in_few_statements(lab: Lab, statements: list[str]) -> None:
    for _ in range(3):
        lab.add(lab.people[0])
        statements.clear()
        assert lab.submitter.submit_waiting() == 1
    assert len([each for each in statements if "pg_advisory" not in each]) <= 23, statements


def test_what_fell_far_behind_is_marked_to_be_taken_back(lab: Lab) -> None:
    ada, bob = lab.people
    lab.add(ada, status=JobStatus.RUNNING, gpus=8, age_seconds=600)
    pending = [lab.add(ada, status=JobStatus.PENDING, age_seconds=60 - n) for n in range(5)]
    lab.add(bob)
    lab.submitter.submit_waiting()
    take_back(lab.world.driver, lab.submitter.fallen_behind)
    assert lab.marks() == set(pending[3:])


def test_so_many_are_taken_back_at_once_and_none_that_began_or_is_unwanted(lab: Lab) -> None:
    ada = lab.people[0]
    pending = [lab.add(ada, status=JobStatus.PENDING) for _ in range(MOST_AT_ONCE + 4)]
    with transaction(lab.sessions) as session:
        session.execute(update(Job).where(Job.id == pending[0]).values(cancel_requested_at=lab.world.clock()))
        session.execute(update(Attempt).where(Attempt.job_id == pending[1]).values(started_at=lab.world.clock()))
    running = lab.add(ada, status=JobStatus.RUNNING)
    for _ in range(2):
        take_back(lab.world.driver, [running, *pending])
        assert lab.marks() == set(pending[2 : MOST_AT_ONCE + 2])


def test_jobs_of_a_type_that_is_free_are_handed_over_from_behind_those_of_a_full_one(lab: Lab) -> None:
    node = {"partitions": ["gpu"], "cpus": 64, "memory_mb": 1000, "gpus": 4}
    nodes = [
        {**node, "name": "n1", "gpus_in_use": 4, "gpu_types": {"a100": 4}},
        {**node, "name": "n2", "gpus_in_use": 3, "gpu_types": {"v100": 4}},
    ]
    with transaction(lab.sessions) as session:
        row = session.query(ClusterRow).one()
        row.snapshot = {**(row.snapshot or {}), "nodes": nodes}
    resources = {"cluster": "lab", "nodes": 1, "gpus_per_node": 1, "time_limit": "1:00:00"}
    for n in range(6):
        lab.add(lab.people[n % 2], resources={**resources, "gpu_type": "a100"}, age_seconds=60 - n)
    own = [lab.add(person, resources={**resources, "gpu_type": "v100"}) for person in lab.people]
    assert lab.submitter.submit_waiting() == 3
    assert len(set(own) & set(lab.submitted())) == 1
