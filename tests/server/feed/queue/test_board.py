"""Board of the queues: places as the order has them, one look a second, and jobs that came since."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from server.feed.queue.board import QueueBoard
from tests.factories import NOON, Clock, Seconds, make_job, make_user
from tests.server.conftest import Database
from tuning.jobs.models import Job
from tuning.jobs.status import JobStatus


@pytest.fixture
def board(clock: Clock, seconds: Seconds) -> QueueBoard:
    return QueueBoard(clock, seconds)


def places(board: QueueBoard, session: Session, *jobs: Job) -> list[int | None]:
    found = board.outlooks(session, [(job.cluster, job.id) for job in jobs])
    return [found[job.id].position for job in jobs]


def test_own_jobs_go_by_priority_and_then_by_age(board: QueueBoard, session: Session) -> None:
    owner = make_user(session)
    young = make_job(session, owner, created_at=NOON + timedelta(seconds=5))
    old = make_job(session, owner)
    urgent = make_job(session, owner, priority=5, created_at=NOON + timedelta(seconds=9))
    elsewhere = make_job(session, owner, cluster="other")
    assert places(board, session, urgent, old, young, elsewhere) == [1, 2, 3, 1]


def test_nobody_stands_behind_all_jobs_of_somebody_else(board: QueueBoard, session: Session, clock: Clock) -> None:
    many, few = make_user(session), make_user(session, name="bob")
    for number in range(20):
        make_job(session, many, limit_seconds=3600, created_at=NOON - timedelta(hours=20 - number), gpus=1)
    make_job(session, many, status=JobStatus.RUNNING, limit_seconds=3600, gpus=8, attempt=1)
    late = make_job(session, few, limit_seconds=3600, created_at=NOON, gpus=1, job_class="urgent")
    assert places(board, session, late) == [1]


def test_held_jobs_hold_nobody_up(board: QueueBoard, session: Session) -> None:
    owner = make_user(session)
    held = make_job(session, owner, status=JobStatus.HELD)
    first = make_job(session, owner, created_at=NOON + timedelta(seconds=1))
    late = make_job(session, owner, status=JobStatus.HELD, created_at=NOON + timedelta(seconds=2))
    assert places(board, session, held, first, late) == [1, 1, 2]


def test_what_slurm_has_is_in_none_of_our_queues(board: QueueBoard, session: Session) -> None:
    owner = make_user(session)
    pending = make_job(session, owner, status=JobStatus.PENDING)
    queued = make_job(session, owner)
    assert places(board, session, pending, queued) == [None, 1]


def test_a_queue_is_looked_at_once_a_second(
    board: QueueBoard, session: Session, seconds: Seconds, database: Database
) -> None:
    job = make_job(session, make_user(session))
    board.view(session, "lab")
    asked = database.statements
    assert places(board, session, job) == [1]
    assert board.view(session, "lab") is board.view(session, "lab")
    assert database.statements == asked
    before = board.view(session, "lab")
    seconds.now += 1
    assert board.view(session, "lab") is not before


def test_a_job_that_came_since_is_looked_for_at_once(board: QueueBoard, session: Session) -> None:
    owner = make_user(session)
    board.view(session, "lab")
    job = make_job(session, owner)
    assert places(board, session, job) == [1]


def test_new_jobs_count_for_each_other_without_another_look(
    board: QueueBoard, session: Session, database: Database
) -> None:
    owner = make_user(session)
    make_job(session, owner)
    board.view(session, "lab")
    new = [make_job(session, owner, created_at=NOON + timedelta(seconds=number)) for number in (1, 2)]
    asked = database.statements
    assert [board.outlook_of_new(session, job).position for job in new] == [2, 3]
    assert database.statements == asked
