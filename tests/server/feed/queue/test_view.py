"""View of a queue: forecasts from runs, limits, other people's GPUs and Slurm's own word; and what jobs wait for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from server.feed.queue.readings import read_queue
from server.feed.queue.view import Outlook, QueueView, expected_values, has_moved
from server.feed.queue.waits import Surroundings, Wait, WaitKind, wait_of
from tests.factories import NOON, make_attempt, make_job, make_limit, make_user
from tuning.clusters.models import ClusterRow
from tuning.jobs.models import Job, JobDependency
from tuning.jobs.status import JobStatus
from tuning.people.models import User
from tuning.people.scopes import Scope
from tuning.people.tokens import Principal
from tuning.queue.estimate import Estimate
from tuning.queue.forecast import Forecast
from tuning.queue.limits.limit import LimitedJob, LimitKind, Place
from tuning.queue.order import Weights
from tuning.queue.waiting_job import WaitingJob

HOUR = 3600
ROOT = Principal("user_root", "root", "tok_root", Scope.ADMIN)


@pytest.fixture
def ada(session: Session) -> User:
    return make_user(session)


def describe(session: Session, gpus: int = 4, in_use: int = 0) -> None:
    node = {"name": "n1", "partitions": ["gpu"], "gpus": gpus, "gpus_in_use": in_use}
    snapshot = {"partitions": [{"name": "gpu", "is_default": True}], "nodes": [node]}
    session.add(ClusterRow(name="lab", snapshot=snapshot, snapshot_at=NOON))
    session.flush()


def run(session: Session, owner: User, **columns: Any) -> Job:
    values = {"gpus": 4, "limit_seconds": 10 * HOUR, "status": JobStatus.RUNNING, "attempt": 1, **columns}
    job = make_job(session, owner, **values)
    make_attempt(session, job, started_at=NOON - timedelta(hours=1))
    return job


def wait(session: Session, owner: User, **columns: Any) -> Job:
    return make_job(session, owner, **{"gpus": 4, "limit_seconds": 10 * HOUR, **columns})


def look(session: Session) -> QueueView:
    return QueueView(read_queue(session, "lab", NOON), Weights())


def hours(estimate: Estimate) -> tuple[float, float, float]:
    low, expected, high = (
        round((at - NOON.timestamp()) / HOUR, 2) for at in (estimate.low, estimate.expected, estimate.high)
    )
    return low, expected, high


def start_of(view: QueueView, job: Job) -> float:
    return hours(view.forecasts()[job.id].starts_at)[1]


def limited(gpus: int, limit_seconds: float) -> LimitedJob:
    return LimitedJob("new", Place("ada", "lab", "lab", "", "normal"), gpus, limit_seconds, queued_at=NOON)


def words(view: QueueView, job: Job, around: Surroundings | None = None, reader: Principal | None = None) -> Wait:
    row = view.row(job.id)
    assert row is not None
    return wait_of(row, view, around or Surroundings(), reader or ROOT)


def test_a_job_starts_when_a_run_says_that_it_ends(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    run(
        session,
        ada,
        expected_end_at=NOON + timedelta(hours=2),
        eta_low_seconds=1.5 * HOUR,
        eta_high_seconds=3 * HOUR,
        observed_at=NOON,
    )
    job = wait(session, ada)
    low, expected, high = hours(look(session).forecasts()[job.id].starts_at)
    assert (low, expected) == (1.5, 2.0)
    assert high > 3


def test_a_run_that_tells_nothing_is_judged_by_its_limit(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    run(session, ada)
    job = wait(session, ada)
    assert 0 < start_of(look(session), job) < 9


def test_people_who_end_early_are_expected_to_end_early(session: Session, ada: User) -> None:
    bob = make_user(session, name="bob")
    for _ in range(20):
        ended: dict[str, Any] = {
            "started_at": NOON - timedelta(days=1),
            "finished_at": NOON - timedelta(days=1) + timedelta(hours=1),
        }
        make_job(session, ada, status=JobStatus.SUCCEEDED, limit_seconds=10 * HOUR, **ended)
    quick, usual = (wait(session, owner) for owner in (ada, bob))
    view = look(session)
    lengths = [view.run_seconds(row.job).expected for row in view.rows if row.job.id in (quick.id, usual.id)]
    assert min(lengths) < 2 * HOUR < max(lengths)


def test_gpus_of_others_are_not_free(session: Session, ada: User) -> None:
    describe(session, in_use=2)
    wide, narrow = wait(session, ada), wait(session, ada, gpus=2, job_class="urgent")
    view = look(session)
    assert (start_of(view, wide) > 0, start_of(view, narrow)) == (True, 0)


def test_gpus_given_back_since_the_cluster_told_of_them_are_free(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    ended: dict[str, Any] = {"started_at": NOON - timedelta(hours=1), "finished_at": NOON, "updated_at": NOON}
    make_job(session, ada, status=JobStatus.SUCCEEDED, gpus=4, limit_seconds=HOUR, **ended)
    job = wait(session, ada)
    assert start_of(look(session), job) == 0


def test_a_cluster_that_told_of_no_gpus_gives_no_forecast(session: Session, ada: User) -> None:
    job = wait(session, ada)
    assert look(session).forecasts() == {}
    assert look(session).outlook(job.id) == Outlook(1, None, NOON)


def test_slurms_own_word_is_a_later_bound_or_a_sooner_start(session: Session, ada: User) -> None:
    job = wait(session, ada, status=JobStatus.PENDING, expected_start_at=NOON + timedelta(hours=5))
    assert start_of(look(session), job) == 5
    describe(session, in_use=4)
    run(session, ada, expected_end_at=NOON + timedelta(hours=1))
    assert start_of(look(session), job) == 1
    job.expected_start_at = NOON + timedelta(minutes=30)
    session.flush()
    assert start_of(look(session), job) == 0.5


def test_slurm_starts_first_what_it_was_given_first(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    run(session, ada, expected_end_at=NOON + timedelta(hours=1))
    older = wait(session, ada, status=JobStatus.PENDING, slurm_job_id=12, queued_at=NOON - timedelta(hours=2))
    newer = wait(session, ada, status=JobStatus.PENDING, slurm_job_id=11, queued_at=NOON - timedelta(hours=1))
    underway = wait(session, ada, status=JobStatus.SUBMITTING, queued_at=NOON - timedelta(hours=3))
    view = look(session)
    assert [row.job.id for row in view.rows] == [newer.id, older.id, underway.id]
    assert start_of(view, newer) == 1 < start_of(view, older) < start_of(view, underway)


def test_a_dependent_job_starts_after_those_that_it_waits_for(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    first = run(session, ada, expected_end_at=NOON + timedelta(hours=3))
    second = wait(session, ada)
    third = wait(session, ada, gpus=1)
    session.add(JobDependency(job_id=third.id, depends_on=first.id))
    session.add(JobDependency(job_id=third.id, depends_on=second.id))
    session.flush()
    view = look(session)
    assert view.forecasts()[third.id].starts_at == view.forecasts()[second.id].ends_at
    found = words(view, third)
    assert found.kind is WaitKind.DEPENDENCY
    assert {each.job_id for each in found.held_by} == {first.id, second.id}
    assert all(each.ends_at is not None for each in found.held_by)


def test_the_place_and_start_that_a_further_job_would_have(session: Session, ada: User) -> None:
    describe(session)
    wait(session, ada)
    view = look(session)
    row = view.rows[0]
    further = WaitingJob("new", row.job.person, 4, 60.0, NOON.timestamp() + 1)
    outlook = view.outlook_of_another(further, limited(4, 60.0))
    assert outlook.position == 2
    assert outlook.forecast is not None
    assert outlook.forecast.starts_at.expected > NOON.timestamp()


def test_a_job_waits_for_gpus_and_for_the_runs_that_hold_them(session: Session, ada: User) -> None:
    describe(session, in_use=4)
    running = run(session, ada, expected_end_at=NOON + timedelta(hours=2))
    wait(session, ada)
    job = wait(session, ada, created_at=NOON + timedelta(seconds=1))
    found = words(look(session), job)
    assert (found.kind, found.words) == (WaitKind.GPUS, "it needs 4 GPUs: 0 of 4 are free, and 1 job comes first")
    assert [(each.job_id, each.ends_at) for each in found.held_by] == [
        (running.id, (NOON + timedelta(hours=2)).timestamp())
    ]


def test_what_never_fits_is_told(session: Session, ada: User) -> None:
    describe(session)
    job = wait(session, ada, gpus=9)
    found = words(look(session), job)
    assert (found.kind, found.words) == (WaitKind.GPUS, "it needs 9 GPUs: the nodes that it may use have 4")


def test_a_job_for_which_gpus_are_free_waits_for_nothing(session: Session, ada: User) -> None:
    describe(session)
    job = wait(session, ada)
    assert words(look(session), job).kind is WaitKind.NOTHING


@pytest.mark.parametrize(
    ("columns", "around", "kind"),
    [
        ({"status": JobStatus.HELD}, Surroundings(), WaitKind.HOLD),
        ({}, Surroundings(absence="nobody drives it"), WaitKind.CLUSTER),
        ({}, Surroundings(lacks_data=True), WaitKind.DATA),
        ({"status": JobStatus.SUBMITTING}, Surroundings(), WaitKind.NOTHING),
        ({"status": JobStatus.PENDING}, Surroundings(), WaitKind.GPUS),
        ({"status_reason": "Slurm takes none"}, Surroundings(), WaitKind.CLUSTER),
        ({}, Surroundings(), WaitKind.NOTHING),
    ],
)
def test_each_kind_of_wait(
    session: Session, ada: User, columns: dict[str, Any], around: Surroundings, kind: WaitKind
) -> None:
    job = wait(session, ada, **columns)
    found = words(look(session), job, around)
    assert found.kind is kind
    assert found.words


def test_where_no_gpus_are_known_jobs_are_handed_over_in_turn(session: Session, ada: User) -> None:
    wait(session, ada)
    job = wait(session, ada, created_at=NOON + timedelta(seconds=1))
    assert words(look(session), job).kind is WaitKind.WINDOW


def outlook(start: float) -> Outlook:
    at = NOON.timestamp()
    return Outlook(1, Forecast(Estimate.exactly(at + start), Estimate(at + start, at + start + 5, at + 9000)), NOON)


def test_a_forecast_that_moves_a_little_is_not_told_anew() -> None:
    assert not has_moved(outlook(1000), outlook(1090))
    assert has_moved(outlook(1000), outlook(1200))
    assert not has_moved(outlook(10), outlook(35))
    assert has_moved(outlook(10), Outlook(2, None, NOON))


def test_times_left_count_from_the_forecast() -> None:
    found = expected_values(outlook(60), NOON - timedelta(hours=1))
    assert (found["eta_seconds"], found["eta_low_seconds"], found["eta_high_seconds"]) == (65, 60, 9000)
    assert found["updated_at"] == NOON
    assert found["expected_start_at"] == NOON + timedelta(seconds=60)


def test_a_job_at_a_limit_tells_the_limit_its_use_and_by_which_jobs(session: Session, ada: User) -> None:
    describe(session, gpus=16, in_use=4)
    make_limit(session, LimitKind.GPUS, 8, user="ada")
    ends_at = NOON + timedelta(hours=2)
    running = run(session, ada, expected_end_at=ends_at)
    first, second = wait(session, ada), wait(session, ada, created_at=NOON + timedelta(seconds=1))
    view = look(session)
    assert words(view, first).kind is WaitKind.NOTHING
    told = words(view, second)
    assert (told.kind, told.limit, told.in_use) == (WaitKind.LIMIT, 8.0, 8.0)
    assert {each.job_id: each.ends_at for each in told.held_by} == {running.id: ends_at.timestamp(), first.id: None}
    assert told.words.startswith("the user ada may have 8 GPUs at once: 8 in use by ")
    starts = start_of(view, first), start_of(view, second)
    assert starts == (0.0, 2.0), "it starts when the jobs that hold the limit have ended"
