"""Jobs at limits in the view of a queue: when they start, and the limit in words, of each kind that can hold one."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from server.feed.queue.board import QueueBoard
from server.feed.queue.readings import exceeded_hours, read_queue
from server.feed.queue.view import QueueView
from server.feed.queue.waits import Surroundings, Wait, WaitKind, wait_of
from tests.factories import NOON, Clock, Seconds, make_attempt, make_job, make_limit, make_user
from tuning.clusters.models import ClusterRow
from tuning.jobs.models import Artifact, Job
from tuning.jobs.queries.use.leaving_hours import leaving_hours
from tuning.jobs.queries.use.result_sizes import RESULTS_SECONDS
from tuning.jobs.status import JobStatus
from tuning.people.models import LAB_TEAM_ID, User
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.queue.limits.limit import LimitedJob, LimitKind, Place
from tuning.queue.order import Weights
from tuning.queue.waiting_job import Person, WaitingJob
from tuning.usage.models import UsageDay

HOUR = 3600
ROOT = Principal("user_root", "root", "tok_root", Scope.ADMIN)


@pytest.fixture
def ada(session: Session) -> User:
    """Of a lab whose cluster has 16 GPUs, all free."""
    node = {"name": "n1", "partitions": ["gpu", "cpu"], "gpus": 16, "gpus_in_use": 0}
    snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": [node]}
    session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON - timedelta(hours=2)))
    return make_user(session)


def waits(session: Session, owner: User, **columns: Any) -> Job:
    return make_job(session, owner, **{"gpus": 4, "limit_seconds": 10 * HOUR, "partition": "gpu", **columns})


def runs(session: Session, owner: User, *, ends_in_hours: float, **columns: Any) -> Job:
    ends = {"status": JobStatus.RUNNING, "attempt": 1, "expected_end_at": NOON + timedelta(hours=ends_in_hours)}
    job = waits(session, owner, **ends, **columns)
    make_attempt(session, job, started_at=NOON - timedelta(hours=1))
    return job


def used(session: Session, owner: User, days_ago: int, gpu_hours: float) -> date:
    day = NOON.date() - timedelta(days=days_ago)
    place = {"user_id": owner.id, "team_id": LAB_TEAM_ID, "cluster": "lab"}
    session.add(UsageDay(**place, day=day, gpu_seconds=gpu_hours * HOUR, jobs=1))
    session.flush()
    return day


def look(session: Session) -> QueueView:
    return QueueView(read_queue(session, "lab", NOON), Weights())


def told(view: QueueView, job: Job) -> Wait:
    row = view.row(job.id)
    assert row is not None
    return wait_of(row, view, Surroundings(), ROOT)


def start_of(view: QueueView, job: Job) -> float | None:
    """Hours from now."""
    found = view.forecasts().get(job.id)
    return round((found.starts_at.expected - NOON.timestamp()) / HOUR, 2) if found is not None else None


@pytest.mark.parametrize("place", [{"user": "ada"}, {"team": "lab"}, {"cluster": "lab"}, {"partition": "gpu"}, {}])
@pytest.mark.parametrize("kind", [LimitKind.GPUS, LimitKind.RUNNING_JOBS])
def test_it_starts_when_the_job_that_holds_the_limit_ends(
    session: Session, ada: User, kind: LimitKind, place: dict[str, str]
) -> None:
    make_limit(session, kind, 4 if kind is LimitKind.GPUS else 1, **place)
    running, job = runs(session, ada, ends_in_hours=3), waits(session, ada)
    view = look(session)
    its = view.forecasts()[job.id].starts_at
    assert (start_of(view, job), its.low <= its.expected <= its.high) == (3.0, True)
    assert [each.job_id for each in told(view, job).held_by] == [running.id]


def test_a_run_in_another_partition_or_cluster_holds_a_limit_of_the_team(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.GPUS, 8, team="lab")
    runs(session, ada, ends_in_hours=2, partition="cpu")
    runs(session, ada, ends_in_hours=5, cluster="far")
    job, wide = waits(session, ada), waits(session, ada, gpus=8, created_at=NOON + timedelta(seconds=1))
    view = look(session)
    assert start_of(view, job) == 2.0
    assert (start_of(view, wide) or 0) >= 5.0


def test_a_limit_of_a_class_holds_that_class_alone(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.RUNNING_JOBS, 1, job_class="normal")
    runs(session, ada, ends_in_hours=3)
    normal, urgent = waits(session, ada), waits(session, ada, job_class="urgent")
    view = look(session)
    assert (start_of(view, normal), start_of(view, urgent)) == (3.0, 0.0)


def test_hours_end_the_wait_when_enough_of_them_cease_to_count(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.GPU_HOURS, 100, user="ada")
    used(session, ada, 29, 10)
    day = used(session, ada, 28, 20)
    used(session, ada, 3, 60)
    job = waits(session, ada)
    view = look(session)
    leaves = (day + timedelta(days=30) - NOON.date()).days * 24 - 12
    assert start_of(view, job) == leaves
    found = told(view, job)
    assert (found.kind, found.in_use) == (WaitKind.LIMIT, 90)
    assert found.words == (
        "the user ada may use 100 GPU hours in 30 days: 90 in use until about Nov 23 00:00 UTC, and this job needs 40"
    )


def test_hours_that_nobody_can_tell_of_are_told_so(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.GPU_HOURS, 50, team="lab")
    running = waits(session, ada, status=JobStatus.SUBMITTING, attempt=1)
    make_attempt(session, running)
    session.query(ClusterRow).delete()
    job = waits(session, ada)
    view = look(session)
    assert start_of(view, job) is None
    assert told(view, job).words.endswith("40 in use by " + running.id + ", and this job needs 40; "
        "nothing tells yet when it starts")  # fmt: skip


def test_results_hold_a_job_as_other_limits_do(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.RESULT_BYTES, 1000, user="ada", cluster="lab")
    ended, job = waits(session, ada, status=JobStatus.SUCCEEDED), waits(session, ada)
    session.add(Artifact(job_id=ended.id, path="model", size_bytes=1500, modified_at=NOON))
    session.flush()
    view = look(session)
    found = told(view, job)
    assert (found.kind, found.limit, found.in_use, found.held_by) == (WaitKind.LIMIT, 1000, 1500, [])
    assert found.words == (
        "the user ada may keep 1000 bytes of results on the cluster lab: 1500 bytes in use; nothing tells yet when it "
        "starts"
    )
    assert start_of(view, job) is None


def test_sizes_of_results_are_summed_once_a_minute(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.RESULT_BYTES, 1000)
    waits(session, ada)
    clock, seconds, sums = Clock(), Seconds(), 0

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal sums
        sums += "artifacts" in statement

    board = QueueBoard(clock, seconds)
    event.listen(session.get_bind(), "before_cursor_execute", count)
    for _ in range(3):
        board.view(session, "lab")
        seconds.now += 10
    assert sums == 1
    seconds.now += RESULTS_SECONDS
    board.view(session, "lab")
    event.remove(session.get_bind(), "before_cursor_execute", count)
    assert sums == 2


def test_a_job_that_might_come_is_told_its_limit_and_start(session: Session, ada: User) -> None:
    make_limit(session, LimitKind.GPU_HOURS, 100, user="ada")
    make_limit(session, LimitKind.GPUS, 8, user="ada")
    used(session, ada, 29, 90)
    runs(session, ada, ends_in_hours=2, limit_seconds=HOUR)
    view = look(session)
    job = WaitingJob("new", Person(LAB_TEAM_ID, ada.id), 4, 10.0 * HOUR, NOON.timestamp())
    limited = LimitedJob("new", Place("ada", "lab", "lab", "gpu", "normal"), 4, 10.0 * HOUR, queued_at=NOON)
    bounds = exceeded_hours([limited], view.readings.limits, view.readings.uses)
    leaves = leaving_hours(session, view.readings.limits, bounds, NOON)
    found = view.outlook_of_another(job, limited, leaves)
    assert found.held is not None
    assert found.held.bound.limit.kind is LimitKind.GPU_HOURS
    assert found.forecast is not None
    assert (found.forecast.starts_at.expected - NOON.timestamp()) / HOUR == 12.0
