"""Runs that stand still are told, and ended where the operator wants it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, Seconds, make_cluster_settings
from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt, Job, JobEvent
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.silence import FIRST_LINE_SECONDS
from worker.driver import Driver
from worker.observe.stall import Silences, StallWatch
from worker.upkeep.cancel import Canceller

PATIENCE_SECONDS = 600.0
STEP_SECONDS = 10.0


@pytest.fixture
def quiet(world: World, sessions: sessionmaker[Session]) -> str:
    """A running job that was last heard of just now."""
    return add_quiet(world, sessions, 7)


def add_quiet(world: World, sessions: sessionmaker[Session], slurm_job_id: int) -> str:
    job_id = world.add(JobStatus.RUNNING, name=f"owner of {slurm_job_id}")
    with transaction(sessions) as session:
        job, attempt = session.get_one(Job, job_id), session.get_one(Attempt, (job_id, 1))
        job.slurm_state, job.progress_at, job.current_steps = "RUNNING", world.clock(), 40
        attempt.slurm_job_id, attempt.last_step = slurm_job_id, 40
        attempt.quiet_until = world.clock() + timedelta(seconds=PATIENCE_SECONDS)
    return job_id


class Watched:
    """A watch that looks every few seconds."""

    def __init__(self, driver: Driver, visible: Iterable[str]) -> None:
        self.seconds, self.visible = Seconds(), set(visible)
        self._watch = StallWatch(driver, self.seconds)

    def look(self, for_seconds: float = 0.0) -> None:
        """Look now, and so often for so long."""
        self._watch.tell(self.visible)
        for _ in range(round(for_seconds / STEP_SECONDS)):
            self.seconds.now += STEP_SECONDS
            self._watch.tell(self.visible)


def events(sessions: sessionmaker[Session]) -> list[JobEvent]:
    with sessions() as session:
        return list(session.scalars(select(JobEvent).where(JobEvent.type == "job.stalled")))


def ending(world: World) -> Driver:
    return replace(world.driver, settings=make_cluster_settings(end_stalled=True))


def test_it_is_told_once_with_what_its_node_says(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    version, watched = world.job(quiet).version, Watched(world.driver, [quiet])
    watched.look(PATIENCE_SECONDS)
    assert world.cluster.inspected == []
    watched.look(5 * STEP_SECONDS)
    job = world.job(quiet)
    assert job.stalled_since == world.clock()
    assert job.version == version + 1
    assert [event.data for event in events(sessions)] == [{"step": 40, "node": "load 0.0"}]
    assert (world.cluster.inspected, world.cluster.cancelled) == ([7], [])


def test_one_node_is_asked_in_each_look(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    watched = Watched(world.driver, [quiet, add_quiet(world, sessions, 8)])
    watched.look(PATIENCE_SECONDS + STEP_SECONDS)
    assert len(world.cluster.inspected) == 1
    watched.look(5 * STEP_SECONDS)
    assert sorted(world.cluster.inspected) == [7, 8]


def test_a_stalled_run_is_ended_where_the_operator_wants_that(
    world: World, sessions: sessionmaker[Session], quiet: str
) -> None:
    driver = ending(world)
    Watched(driver, [quiet]).look(PATIENCE_SECONDS + STEP_SECONDS)
    assert world.cluster.cancelled == [7]
    with sessions() as session:
        assert session.get_one(Attempt, (quiet, 1)).ended_by == "stalled"
    canceller = Canceller(driver)
    canceller.cancel_wanted()
    canceller.cancel_wanted()
    assert (world.cluster.cancelled, world.cluster.stopped) == ([7, 7, 7], [])


@pytest.mark.parametrize("state", ["SUSPENDED", "COMPLETING", None])
def test_what_slurm_does_not_run_is_left_alone(
    world: World, sessions: sessionmaker[Session], quiet: str, state: str | None
) -> None:
    with transaction(sessions) as session:
        session.get_one(Job, quiet).slurm_state = state
    Watched(world.driver, [quiet]).look(2 * PATIENCE_SECONDS)
    assert (world.cluster.inspected, events(sessions)) == ([], [])


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=-400)])
def test_a_clock_that_jumps_ends_no_run_and_hides_none(world: World, quiet: str, jump: timedelta) -> None:
    watched = Watched(ending(world), [quiet])
    watched.look(STEP_SECONDS)
    world.clock.now += jump
    watched.look(PATIENCE_SECONDS - STEP_SECONDS)
    assert world.cluster.cancelled == []
    watched.look(STEP_SECONDS)
    assert world.cluster.cancelled == [7]


def test_time_without_the_cluster_or_the_folder_is_no_silence(world: World, quiet: str) -> None:
    watched = Watched(ending(world), [quiet])
    for _ in range(6):
        watched.look(100)
        world.driver.breaker.failed()
        watched.seconds.now += 10_000
    watched.visible = set()
    watched.look(10 * PATIENCE_SECONDS)
    assert world.cluster.cancelled == [], "six hundred seconds of watched silence"
    watched.visible = {quiet}
    watched.look(2 * STEP_SECONDS)
    assert world.cluster.cancelled == [7]


def test_a_new_line_ends_a_silence(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    watched = Watched(ending(world), [quiet])
    for _ in range(5):
        watched.look(PATIENCE_SECONDS - STEP_SECONDS)
        with transaction(sessions) as session:
            job, attempt = session.get_one(Job, quiet), session.get_one(Attempt, (quiet, 1))
            world.clock.advance(1)
            job.progress_at = world.clock()
            attempt.quiet_until = world.clock() + timedelta(seconds=PATIENCE_SECONDS)
    assert world.cluster.cancelled == []


def test_before_its_first_line_a_run_has_an_hour(world: World, sessions: sessionmaker[Session], quiet: str) -> None:
    with transaction(sessions) as session:
        session.get_one(Attempt, (quiet, 1)).last_step = None
    watched = Watched(ending(world), [quiet])
    watched.look(FIRST_LINE_SECONDS)
    assert world.cluster.cancelled == []
    watched.look(STEP_SECONDS)
    assert world.cluster.cancelled == [7]


LOOKS = st.lists(st.tuples(st.floats(0, 1e6), st.booleans(), st.integers(0, 2), st.booleans()), max_size=30)


@given(looks=LOOKS)
def test_a_silence_is_never_longer_than_what_was_watched(looks: list[tuple[float, bool, int, bool]]) -> None:
    silences, now, watched, last = Silences(60.0), 0.0, 0.0, None
    key = ("job", 1)
    for seconds, is_visible, marker, is_interrupted in looks:
        now += seconds
        if is_interrupted:
            silences.interrupt()
        watched = watched + min(seconds, 60.0) if marker == last and is_visible and not is_interrupted else watched
        watched = 0.0 if marker != last else watched
        found = silences.look({key: NOON + timedelta(seconds=marker)}, {key} if is_visible else set(), now)
        assert 0 <= found[key] <= watched + 1e-3
        last = marker
