"""No claim exceeds a limit, whoever else claims at the moment; who is held back is told by what."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count as count_up
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, Seconds, make_attempt, make_job, make_limit, make_user
from tests.worker.conftest import ScriptedCluster, World
from tuning.clusters.lease import acquire, ensure_row
from tuning.db.engine import transaction
from tuning.jobs.models import Artifact, Job
from tuning.jobs.queries.use.limits import HOLDING
from tuning.jobs.queries.use.result_sizes import RESULTS_SECONDS
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User
from tuning.queue.limits.limit import EACH, LimitKind
from tuning.slurm.cluster import SubmissionAnswer
from tuning.usage.models import LimitRow, UsageDay
from worker.driver import Driver
from worker.submit import batch
from worker.submit.batch import Submitter
from worker.submit.cluster_cache import KnownCluster
from worker.submit.limits import TELL_SECONDS, LimitGate


class Queue:
    """Jobs of people on a worker's cluster, with limits."""

    def __init__(self, world: World, sessions: sessionmaker[Session]) -> None:
        self.world, self.sessions = world, sessions
        self.people: dict[str, User] = {}
        self._numbers = count_up()

    def add(self, name: str, count: int = 1, **columns: Any) -> list[str]:
        """Waiting jobs of somebody, with a GPU each, behind all others."""
        with transaction(self.sessions) as session:
            owner = self.people.get(name) or make_user(session, name=name)
            self.people[name] = owner
            place = {"gpus": 1, "limit_seconds": 3600, "partition": "gpu", **columns}
            times = [NOON + timedelta(seconds=next(self._numbers)) for _ in range(count)]
            return [make_job(session, owner, created_at=at, **place).id for at in times]

    def limit(self, kind: LimitKind, amount: float, **place: str) -> None:
        with transaction(self.sessions) as session:
            make_limit(session, kind, amount, **place)

    def lift(self) -> None:
        with transaction(self.sessions) as session:
            session.execute(delete(LimitRow))

    def settle(self, submitter: Submitter, passes: int = 3) -> None:
        for _ in range(passes):
            submitter.submit_waiting()

    def holding(self) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).where(Job.status.in_(HOLDING))) or 0

    def statuses(self, job_ids: Sequence[str]) -> list[str]:
        return [str(self.world.job(job_id).status) for job_id in job_ids]


@pytest.fixture
def queue(world: World, sessions: sessionmaker[Session]) -> Queue:
    return Queue(world, sessions)


def other_driver(world: World, sessions: sessionmaker[Session]) -> Driver:
    """Another worker's, of the cluster `far`."""
    with transaction(sessions) as session:
        ensure_row(session, "far")
    with transaction(sessions) as session:
        lease = acquire(session, "far", "other", world.clock(), 30)
    assert lease
    settings = world.driver.settings.model_copy(update={"name": "far"})
    return replace(world.driver, settings=settings, cluster=ScriptedCluster(), lease=lease)


FAR: dict[str, Any] = {
    "cluster": "far",
    "resources": {"cluster": "far", "nodes": 1, "gpus_per_node": 1, "time_limit": "1:00:00"},
    "config": {"model_name_or_path": "tiny-qwen2", "stage": "pt", "dataset": "identity"},
}


@pytest.fixture
def limit_reads(engine: Engine) -> Iterator[list[str]]:
    """The statements about limits, as they are sent."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "limits" in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_without_a_limit_a_claim_asks_once(queue: Queue, limit_reads: list[str]) -> None:
    queue.add("ada", 3)
    submitter = queue.world.submitter()
    assert submitter.submit_waiting() == 3
    assert len(limit_reads) == 1
    submitter.submit_waiting()
    assert len(limit_reads) == 1, "nothing waits"


def test_a_job_at_its_limit_waits_in_words_and_is_passed(queue: Queue) -> None:
    first, second = queue.add("ada", 2)
    [other] = queue.add("bob")
    queue.limit(LimitKind.RUNNING_JOBS, 1, user=EACH)
    queue.settle(queue.world.submitter())
    assert queue.statuses([first, second, other]) == ["pending", "queued", "pending"]
    words = "waiting: the user ada may run 1 job at once: 1 in use by 1 job"
    assert queue.world.job(second).status_reason == words


def test_those_behind_many_that_are_held_are_found(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH", 3)
    queue.limit(LimitKind.GPUS, 2, user="ada")
    queue.add("ada", 10)
    theirs = queue.add("bob", 2)
    queue.settle(queue.world.submitter(), passes=2)
    assert queue.statuses(theirs) == ["pending", "pending"]
    assert queue.holding() == 4


def test_a_job_counts_while_nobody_knows_whether_slurm_has_it(queue: Queue) -> None:
    first, second = queue.add("ada", 2)
    queue.world.cluster.answers[first] = SubmissionAnswer("")
    queue.limit(LimitKind.RUNNING_JOBS, 1)
    queue.settle(queue.world.submitter())
    assert queue.statuses([first, second]) == ["submitting", "queued"]


def test_a_claim_that_comes_between_is_seen_by_the_second_look(
    queue: Queue, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = queue.add("ada")[0], queue.add("ada", **FAR)[0]
    queue.limit(LimitKind.RUNNING_JOBS, 1, user="ada")
    other = Submitter(other_driver(queue.world, sessions), KnownCluster(queue.world.driver.settings))
    submitter, let_in = queue.world.submitter(), LimitGate.let_in

    def late(gate: LimitGate, session: Session, ready: Sequence[str]) -> Sequence[str]:
        found = let_in(gate, session, ready)
        monkeypatch.setattr(LimitGate, "let_in", let_in)
        other.submit_waiting()
        return found

    monkeypatch.setattr(LimitGate, "let_in", late)
    submitter.submit_waiting()
    assert queue.statuses([mine, theirs]) == ["queued", "pending"]


def test_two_workers_at_once_never_exceed_one_limit(queue: Queue, sessions: sessionmaker[Session]) -> None:
    queue.add("ada", 15)
    queue.add("ada", 15, **FAR)
    queue.limit(LimitKind.GPUS, 4, team="lab")
    driver = other_driver(queue.world, sessions)
    workers = [queue.world.submitter(), Submitter(driver, KnownCluster(driver.settings))]
    gate = threading.Barrier(2)

    def work(submitter: Submitter) -> None:
        gate.wait()
        queue.settle(submitter, passes=4)

    threads = [threading.Thread(target=work, args=(submitter,)) for submitter in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.holding() == 4


def test_what_has_ended_makes_room(queue: Queue, sessions: sessionmaker[Session]) -> None:
    first, second = queue.add("ada", 2)
    queue.limit(LimitKind.GPUS, 1)
    submitter = queue.world.submitter()
    queue.settle(submitter)
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == first).values(status=JobStatus.SUCCEEDED))
    queue.settle(submitter)
    assert queue.statuses([first, second]) == ["succeeded", "pending"]


def test_a_limit_that_is_lifted_holds_nobody(queue: Queue, limit_reads: list[str]) -> None:
    waiting = queue.add("ada", 3)
    queue.limit(LimitKind.RUNNING_JOBS, 0, user="ada")
    submitter = queue.world.submitter()
    queue.settle(submitter)
    assert queue.holding() == 0
    queue.lift()
    queue.settle(submitter)
    assert queue.statuses(waiting) == ["pending"] * 3


def test_a_reason_is_written_when_it_is_news(queue: Queue, sessions: sessionmaker[Session]) -> None:
    seconds = Seconds()
    first, _, third = queue.add("ada", 3)
    queue.limit(LimitKind.RUNNING_JOBS, 2, user="ada")
    submitter = queue.world.submitter(gate=LimitGate(queue.world.driver, seconds))
    queue.settle(submitter)
    version = queue.world.job(third).version
    queue.settle(submitter)
    assert queue.world.job(third).version == version
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == first).values(expected_end_at=NOON + timedelta(hours=1)))
    queue.settle(submitter)
    assert queue.world.job(third).version == version, "an end that moved is told after a while"
    seconds.now += TELL_SECONDS
    queue.settle(submitter)
    assert (queue.world.job(third).status_reason or "").endswith("by 2 jobs until about 13:00 UTC")
    queue.limit(LimitKind.GPUS, 1, user="ada")
    with transaction(sessions) as session:
        session.execute(update(LimitRow).where(LimitRow.kind == LimitKind.RUNNING_JOBS).values(amount=9))
    queue.settle(submitter)
    assert "1 GPU at once" in (queue.world.job(third).status_reason or ""), "another limit is told at once"


def test_an_overdue_job_at_a_limit_is_passed_no_more(queue: Queue, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        running = session.get_one(Job, queue.add("bob", status=JobStatus.RUNNING, attempt=1, gpus=4)[0])
        make_attempt(session, running, started_at=NOON)
    [large] = queue.add("ada", gpus=8)
    queue.limit(LimitKind.GPUS, 8, team="lab")
    [first] = queue.add("bob", limit_seconds=36_000)
    submitter = queue.world.submitter()
    queue.settle(submitter)
    assert queue.statuses([large, first]) == ["queued", "pending"]
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == large).values(queued_at=NOON - timedelta(days=8)))
    [second] = queue.add("bob", limit_seconds=36_000)
    queue.settle(submitter)
    assert queue.statuses([large, second]) == ["queued", "queued"]
    reason = queue.world.job(second).status_reason or ""
    assert reason.endswith("a job that has waited for longer comes first")


def test_results_on_the_cluster_hold_back_new_jobs(queue: Queue, sessions: sessionmaker[Session]) -> None:
    ended, waiting = queue.add("ada", status=JobStatus.SUCCEEDED)[0], queue.add("ada")[0]
    with transaction(sessions) as session:
        session.add(Artifact(job_id=ended, path="model.safetensors", size_bytes=1000, modified_at=NOON))
    queue.limit(LimitKind.RESULT_BYTES, 1000, user=EACH, cluster="lab")
    seconds = Seconds()
    submitter = queue.world.submitter(gate=LimitGate(queue.world.driver, seconds))
    queue.settle(submitter)
    assert "may keep 1000 bytes of results" in (queue.world.job(waiting).status_reason or "")
    with transaction(sessions) as session:
        session.execute(update(Artifact).values(size_bytes=999))
    seconds.now += RESULTS_SECONDS + 1
    queue.settle(submitter)
    assert queue.statuses([waiting]) == ["pending"]


def test_hours_of_the_last_30_days_and_of_what_runs_count(queue: Queue, sessions: sessionmaker[Session]) -> None:
    running, waiting = queue.add("ada", status=JobStatus.RUNNING, attempt=1, gpus=2)[0], queue.add("ada")[0]
    with transaction(sessions) as session:
        make_attempt(session, session.get_one(Job, running), started_at=NOON)
        place = {"user_id": queue.people["ada"].id, "team_id": LAB_TEAM_ID, "cluster": "lab", "jobs": 1}
        session.add(UsageDay(**place, day=NOON.date() - timedelta(days=29), gpu_seconds=3600.0))
        session.add(UsageDay(**place, day=NOON.date() - timedelta(days=30), gpu_seconds=3600.0 * 50))
    queue.limit(LimitKind.GPU_HOURS, 3.5, user="ada")
    submitter = queue.world.submitter()
    queue.settle(submitter)
    words = "may use 3.5 GPU hours in 30 days: 3 in use by 1 job"
    assert words in (queue.world.job(waiting).status_reason or "")
    with transaction(sessions) as session:
        session.execute(update(LimitRow).values(amount=4))
    queue.settle(submitter)
    assert queue.statuses([waiting]) == ["pending"]
