"""What fails at one of many is found, and waits; what concerns the cluster is raised."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_job, make_user
from tests.worker.conftest import World
from tuning.db.engine import transaction
from tuning.errors import CommandTimedOut, LeaseLost, Unreachable
from tuning.jobs.models import Job, Trouble
from tuning.jobs.troubles import FIRST_PAUSE, LONGEST_PAUSE, Step, Subject
from worker.quarantine import Quarantine


@pytest.fixture
def job_ids(sessions: sessionmaker[Session]) -> list[str]:
    with transaction(sessions) as session:
        owner = make_user(session)
        return sorted(make_job(session, owner).id for _ in range(100))


def quarantine(world: World) -> Quarantine[str]:
    return Quarantine(world.driver, Step.WATCH, Subject.job, own=(CommandTimedOut,))


def troubles(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions() as session:
        return {row.subject: row.failures for row in session.scalars(select(Trouble))}


class Renaming:
    """Gives jobs a new name in one transaction; fails at some of them."""

    def __init__(self, sessions: sessionmaker[Session], bad: set[str], error: BaseException) -> None:
        self.sessions, self.bad, self.error, self.tries = sessions, bad, error, 0

    def __call__(self, part: Sequence[str]) -> None:
        self.tries += 1
        with transaction(self.sessions) as session:
            for job_id in part:
                session.get_one(Job, job_id).name = "renamed"
                session.flush()
                if job_id in self.bad:
                    raise self.error


@pytest.mark.parametrize("places", [(0,), (99,), (17, 18), (3, 50, 77)])
def test_a_few_culprits_among_many_are_found_in_few_transactions(
    world: World, sessions: sessionmaker[Session], job_ids: list[str], places: tuple[int, ...]
) -> None:
    bad = {job_ids[place] for place in places}
    act = Renaming(sessions, bad, ValueError("bad"))
    done = quarantine(world).together(job_ids, act)
    assert done == [job_id for job_id in job_ids if job_id not in bad]
    with sessions() as session:
        assert set(session.scalars(select(Job.id).where(Job.name == "renamed"))) == set(done)
    assert troubles(sessions) == dict.fromkeys(bad, 1)
    assert act.tries <= 1 + 16 * len(bad)


@pytest.mark.parametrize(
    "error", [LeaseLost("other"), Unreachable("no route"), OperationalError("BEGIN", None, Exception("gone"))]
)
def test_what_concerns_the_whole_cluster_is_raised_and_noted_of_no_job(
    world: World, sessions: sessionmaker[Session], job_ids: list[str], error: Exception
) -> None:
    with pytest.raises(type(error)):
        quarantine(world).together(job_ids, Renaming(sessions, set(job_ids[:1]), error))
    assert troubles(sessions) == {}


def test_an_error_of_the_cluster_may_be_an_items_own(
    world: World, sessions: sessionmaker[Session], job_ids: list[str]
) -> None:
    quarantine(world).together(job_ids, Renaming(sessions, {job_ids[4]}, CommandTimedOut("its node")))
    assert troubles(sessions) == {job_ids[4]: 1}


def test_a_worker_that_starts_anew_goes_on_waiting(
    world: World, sessions: sessionmaker[Session], job_ids: list[str]
) -> None:
    quarantine(world).failed(job_ids[0], ValueError("bad"))
    assert job_ids[0] not in quarantine(world).due(job_ids)
    world.clock.advance(FIRST_PAUSE.total_seconds())
    assert quarantine(world).due(job_ids) == job_ids
    quarantine(world).failed(job_ids[0], ValueError("bad"))
    world.clock.advance(FIRST_PAUSE.total_seconds())
    assert job_ids[0] not in quarantine(world).due(job_ids), "the second pause is longer"
    world.clock.advance(LONGEST_PAUSE.total_seconds())
    again = quarantine(world)
    again.succeeded(again.due(job_ids))
    assert troubles(sessions) == {}


def test_a_job_that_is_gone_is_noted_nowhere(world: World, sessions: sessionmaker[Session]) -> None:
    quarantine(world).failed("job_gone", ValueError("bad"))
    assert troubles(sessions) == {}


def test_what_cannot_be_noted_is_left_out_of_the_cycle_all_the_same(
    world: World, sessions: sessionmaker[Session], job_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("noting")

    monkeypatch.setattr("worker.quarantine.note_failure", fail)
    own = quarantine(world)
    own.failed(job_ids[0], ValueError("bad"))
    assert own.due(job_ids) == job_ids[1:]


def test_a_worker_that_lost_its_lease_notes_nothing(
    world: World, sessions: sessionmaker[Session], job_ids: list[str]
) -> None:
    own = quarantine(world)
    world.lose_lease()
    with pytest.raises(LeaseLost):
        own.failed(job_ids[0], ValueError("bad"))
    assert troubles(sessions) == {}
