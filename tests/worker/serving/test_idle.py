"""Served models end when nobody has used them for the operator's idle time."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tests.worker.conftest import World
from tests.worker.served_run import ServedRun
from tests.worker.watched_run import events
from tuning.jobs.models import Trouble
from tuning.jobs.troubles import Step
from worker.ages import Ages
from worker.driver import Driver
from worker.serving.idle import IdleWatch
from worker.upkeep.cancel import Canceller

IDLE = 15 * 60


class Watched:
    """A served model, and the worker's watch over it."""

    def __init__(self, served: ServedRun) -> None:
        self.served, self.seconds = served, Seconds()
        self.driver: Driver = replace(served.run.driver, ages=Ages(self.seconds))
        self.watch = IdleWatch(self.driver)

    def passes(self, seconds: float) -> None:
        """Time, on both clocks."""
        self.seconds.now += seconds
        self.served.run.world.clock.advance(seconds)

    def is_ended(self) -> bool:
        """Whether it is to end, by this look."""
        self.watch.end_idle()
        return self.served.job().cancel_requested_at is not None


@pytest.fixture
def watched(world: World, sessions: sessionmaker[Session]) -> Watched:
    served = ServedRun(world, sessions)
    served.load()
    return Watched(served)


def test_an_unused_model_is_told_to_end_after_the_idle_time(watched: Watched) -> None:
    assert not watched.is_ended()
    watched.passes(IDLE - 1)
    assert not watched.is_ended()
    watched.passes(1)
    assert watched.is_ended()
    assert watched.served.server().idle_at == watched.served.run.world.clock()
    assert events(watched.served.run)[-1] == "job.cancel_requested"
    Canceller(watched.driver).cancel_wanted()
    assert watched.served.run.cluster.cancelled == [100]


def test_use_puts_its_end_off(watched: Watched) -> None:
    watched.passes(IDLE - 10)
    assert not watched.is_ended()
    watched.served.use(watched.served.run.world.clock())
    assert not watched.is_ended()
    watched.passes(IDLE - 10)
    assert not watched.is_ended()
    watched.passes(10)
    assert watched.is_ended()


def test_a_clock_that_jumps_ends_nothing_that_is_used(watched: Watched) -> None:
    assert not watched.is_ended()
    watched.served.run.world.clock.advance(2 * IDLE)
    assert not watched.is_ended()
    watched.seconds.now += 89
    assert not watched.is_ended()
    watched.seconds.now += 1
    assert watched.is_ended()


def test_a_request_at_the_same_moment_saves_it(watched: Watched) -> None:
    assert not watched.is_ended()
    watched.passes(IDLE)
    served = watched.served
    seen = watched.watch._served()
    served.use(served.run.world.clock())
    watched.watch._end(seen)
    assert served.job().cancel_requested_at is None
    assert served.server().idle_at is None


def test_one_that_still_loads_is_not_idle(world: World, sessions: sessionmaker[Session]) -> None:
    loading = ServedRun(world, sessions)
    loading.run.slurm_says("RUNNING")
    loading.run.look()
    watched = Watched(loading)
    assert not watched.is_ended()
    watched.passes(2 * IDLE)
    assert not watched.is_ended()


def test_an_error_at_its_end_sets_it_aside_and_the_cycle_goes_on(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("bad")

    assert not watched.is_ended()
    watched.passes(IDLE)
    with monkeypatch.context() as broken:
        broken.setattr("worker.serving.idle._end_one", fail)
        assert not watched.is_ended()
    with watched.driver.load() as session:
        troubles = [(row.job_id, row.step) for row in session.scalars(select(Trouble))]
    assert troubles == [(watched.served.job().id, Step.SERVE_IDLE)]
