"""Judgements of one cycle become rows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON
from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job, JobEvent
from tuning.jobs.queries.driver import LiveAttempt, live_attempts
from tuning.jobs.status import JobStatus
from tuning.slurm.attempt_records import ExitRecord
from tuning.slurm.cluster import Observation
from worker.observe.judgement import (
    CannotTell,
    Claimed,
    Elsewhere,
    Ended,
    Ending,
    Forgotten,
    Judgement,
    Missing,
    Runs,
    Waits,
)
from worker.observe.write import LATE_TIME, Answers, CycleWriter

RECORD = ExitRecord(7, 0, "n1", 0.0, 1, stream_bytes={"stderr": 9})
FAILED = Ended("FAILED", "failed", RECORD, NOON, "n1")
WAITS = Waits("PENDING", "Resources", NOON)
RUNS = Runs("RUNNING", None, NOON, "n1")


class Book:
    """The rows of a job, and the ledger of one cycle over them."""

    def __init__(self, world: World, sessions: sessionmaker[Session], status: JobStatus) -> None:
        self.world, self.sessions = world, sessions
        self.job_id = world.add(status)
        with transaction(sessions) as session:
            attempt = session.get_one(Attempt, (self.job_id, 1))
            attempt.slurm_job_id, attempt.submitted_at = 7, NOON
            session.get_one(Job, self.job_id).submitted_at = NOON

    def write(self, judgement: Judgement) -> Job:
        """The job after this judgement."""
        seen = Observation({}, None, {}, NOON.timestamp())
        answers = Answers(seen, (), {}, {}, {}, {}, {}, frozenset(), 0.0)
        CycleWriter(self.world.driver, answers).write([(self.live(), judgement)])
        return self.world.job(self.job_id)

    def live(self) -> LiveAttempt:
        with self.sessions() as session:
            [found] = live_attempts(session, "lab")
            return found

    def attempt(self) -> Attempt:
        with self.sessions() as session:
            return session.get_one(Attempt, (self.job_id, 1))

    def miss(self) -> None:
        """It was missing in the cycle before."""
        with transaction(self.sessions) as session:
            attempt = session.get_one(Attempt, (self.job_id, 1))
            attempt.missing_since, attempt.missing_polls = NOON, 2

    def events(self) -> list[str]:
        with self.sessions() as session:
            return list(session.scalars(select(JobEvent.type).order_by(JobEvent.id)))


@pytest.fixture
def pending(world: World, sessions: sessionmaker[Session]) -> Book:
    return Book(world, sessions, JobStatus.PENDING)


@pytest.fixture
def running(world: World, sessions: sessionmaker[Session]) -> Book:
    return Book(world, sessions, JobStatus.RUNNING)


def test_what_is_no_news_is_not_written(pending: Book) -> None:
    told = pending.write(WAITS)
    assert (told.slurm_reason, told.expected_start_at) == ("Resources", NOON)
    again = replace(WAITS, expected_start_at=NOON + timedelta(seconds=29))
    assert pending.write(again).version == told.version
    assert pending.write(CannotTell()).version == told.version
    moved = replace(WAITS, expected_start_at=NOON + timedelta(seconds=30))
    assert pending.write(moved).version == told.version + 1
    assert pending.write(replace(WAITS, expected_start_at=None)).version == told.version + 2


@pytest.mark.parametrize(("status", "judgement"), [("pending", WAITS), ("running", WAITS), ("running", RUNS)])
def test_one_that_is_seen_again_is_missing_no_more(
    world: World, sessions: sessionmaker[Session], status: str, judgement: Judgement
) -> None:
    book = Book(world, sessions, JobStatus(status))
    book.miss()
    book.write(judgement)
    assert (book.attempt().missing_since, book.attempt().missing_polls) == (None, 0)


def test_a_start_is_the_clusters_word(pending: Book) -> None:
    started = NOON + timedelta(seconds=3)
    job = pending.write(replace(RUNS, started_at=started))
    assert (job.status, job.status_reason, job.started_at) == (JobStatus.RUNNING, "running on n1", started)
    assert (job.expected_start_at, pending.attempt().nodes, pending.attempt().started_at) == (None, "n1", started)
    assert pending.attempt().quiet_until


def test_a_start_is_not_before_its_submission(pending: Book) -> None:
    job = pending.write(replace(RUNS, started_at=NOON - timedelta(seconds=1)))
    assert (job.started_at, pending.attempt().started_at) == (NOON, NOON)


def test_a_job_that_slurm_put_back_is_pending(running: Book) -> None:
    assert running.write(WAITS).status is JobStatus.PENDING
    assert running.events() == ["job.pending"]


def test_a_claim_is_a_start(pending: Book) -> None:
    job = pending.write(Claimed())
    assert (job.status, pending.attempt().started_at) == (JobStatus.RUNNING, NOON)


def test_another_owner_of_the_attempt_is_followed(running: Book) -> None:
    running.miss()
    job = running.write(Elsewhere(9))
    assert (job.slurm_job_id, running.attempt().slurm_job_id, running.attempt().missing_polls) == (9, 9, 0)
    assert running.events() == ["warning"]


def test_a_forgotten_attempt_is_queued_again(pending: Book) -> None:
    assert pending.write(Forgotten()).status is JobStatus.QUEUED


def test_polls_that_miss_it_are_counted(running: Book) -> None:
    since = NOON - timedelta(seconds=9)
    for polls in (1, 2):
        assert running.write(Missing(since, polls)).status is JobStatus.RUNNING
        assert (running.attempt().missing_since, running.attempt().missing_polls) == (since, polls)
    running.write(Missing(since, 0))
    assert (running.attempt().missing_since, running.attempt().missing_polls) == (None, 0)


def test_an_end_by_one_witness_is_remembered(running: Book) -> None:
    first = running.write(Ending("FAILED"))
    second = running.write(Ending("FAILED"))
    assert (first.status, first.slurm_state, second.version) == (JobStatus.RUNNING, "FAILED", first.version)
    assert (running.attempt().missing_since, running.attempt().missing_polls) == (NOON, 2)


def test_a_short_run_is_seen_to_run_before_it_ends(pending: Book) -> None:
    job = pending.write(replace(FAILED, exit_record=replace(RECORD, stream_bytes={})))
    assert (job.status, job.started_at, pending.attempt().started_at) == (JobStatus.RUNNING, NOON, NOON)
    assert pending.write(replace(FAILED, exit_record=replace(RECORD, stream_bytes={}))).status is JobStatus.FAILED


def test_the_ends_of_logs_are_waited_for_no_longer_than_said(running: Book) -> None:
    assert running.write(FAILED).status is JobStatus.RUNNING
    running.world.clock.advance(LATE_TIME.total_seconds() - 1)
    assert running.write(FAILED).status is JobStatus.RUNNING
    running.world.clock.advance(1)
    assert running.write(FAILED).status is JobStatus.FAILED
