"""A step that fails as a whole is told, left out for a while, and holds no other up."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tests.worker.site import Site
from tuning.db.engine import transaction
from tuning.errors import Unreachable
from tuning.jobs.models import Attempt, Trouble
from tuning.jobs.status import JobStatus
from tuning.jobs.troubles import FIRST_PAUSE, Step
from worker import cycle
from worker.cycle import Cycle
from worker.step_guard import StepGuard
from worker.upkeep.snapshot import SnapshotKeeper


def troubles(sessions: sessionmaker[Session]) -> list[tuple[str, str, int]]:
    with sessions() as session:
        return [(row.step, row.subject, row.failures) for row in session.scalars(select(Trouble))]


class Faulty:
    """Fails until told otherwise; counts its calls."""

    def __init__(self, error: BaseException | None) -> None:
        self.error, self.calls = error, 0

    def __call__(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error


def test_a_failed_step_waits_and_is_forgotten_when_it_goes_well(world: World, sessions: sessionmaker[Session]) -> None:
    guard, act = StepGuard(world.driver), Faulty(ValueError("bad"))
    assert not guard.run(Step.SNAPSHOT, act)
    assert not guard.run(Step.SNAPSHOT, act)
    assert (act.calls, troubles(sessions)) == (1, [("facts", "", 1)])
    world.clock.advance(FIRST_PAUSE.total_seconds())
    act.error = None
    assert guard.run(Step.SNAPSHOT, act)
    assert troubles(sessions) == []


def test_a_new_worker_tries_at_once_what_failed_before(world: World, sessions: sessionmaker[Session]) -> None:
    StepGuard(world.driver).run(Step.SNAPSHOT, Faulty(ValueError("bad")))
    guard = StepGuard(world.driver)
    guard.begin()
    assert troubles(sessions) == []
    assert guard.run(Step.SNAPSHOT, Faulty(None))


def test_what_concerns_the_cluster_is_raised(world: World, sessions: sessionmaker[Session]) -> None:
    with pytest.raises(Unreachable):
        StepGuard(world.driver).run(Step.WATCH, Faulty(Unreachable("no route")))
    assert troubles(sessions) == []


@pytest.mark.parametrize("name", ["settle_unconfirmed", "end_dead_ends", "watch", "remove_unwanted"])
def test_a_step_that_fails_holds_up_neither_submissions_nor_cancellations(
    world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(SnapshotKeeper, "refresh_if_old", lambda _: Faulty(ValueError("no snapshot"))())

    def fail(_driver: object) -> None:
        raise RecursionError

    monkeypatch.setattr(cycle, name, fail)
    unwanted, job_id = world.add(JobStatus.PENDING, cancel=True, name="a"), world.add(name="b")
    with transaction(sessions) as session:
        attempt = session.get_one(Attempt, (unwanted, 1))
        attempt.slurm_job_id, attempt.submitted_at = 77, world.clock()
    site = Site()
    Cycle(replace(world.driver, cluster=site)).run()
    assert world.job(job_id).status is JobStatus.PENDING
    assert site.cancelled == [77]
