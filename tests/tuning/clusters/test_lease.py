"""The lease: one driver at a time, and a driver that slept can write nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Seconds
from tuning.clusters.lease import Lease, LeaseWatch, acquire, ensure_row, prove, release, renew
from tuning.db.engine import transaction
from tuning.errors import LeaseLost

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def cluster(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        ensure_row(session, "lab")
        ensure_row(session, "lab")


def test_many_workers_may_begin_with_a_cluster_at_once(sessions: sessionmaker[Session]) -> None:
    together = threading.Barrier(8)

    def begin(number: int) -> Lease | None:
        together.wait(timeout=30)
        with transaction(sessions) as session:
            ensure_row(session, "new")
            return acquire(session, "new", f"worker-{number}", NOW, 30)

    with ThreadPoolExecutor(8) as pool:
        leases = [*pool.map(begin, range(8))]
    assert len([lease for lease in leases if lease is not None]) == 1


def take(
    sessions: sessionmaker[Session], owner: str, now: datetime = NOW, watch: LeaseWatch | None = None
) -> Lease | None:
    with transaction(sessions) as session:
        return acquire(session, "lab", owner, now, 30, watch.stale(session) if watch else None)


def keep(sessions: sessionmaker[Session], lease: Lease, now: datetime) -> None:
    with transaction(sessions) as session:
        renew(session, lease, now, 30)


HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("cluster")
class TestLease:
    def test_only_one_worker_gets_it(self, sessions: sessionmaker[Session]) -> None:
        assert take(sessions, "a", NOW) == Lease("lab", "a", 1)
        assert take(sessions, "b", NOW) is None

    def test_nobody_else_gets_it_while_it_is_renewed(self, sessions: sessionmaker[Session]) -> None:
        lease, clock = take(sessions, "a"), Seconds()
        watch = LeaseWatch("lab", 30, clock)
        assert lease
        for moment in range(10):
            assert take(sessions, "b", watch=watch) is None
            clock.now += 29
            keep(sessions, lease, NOW + timedelta(seconds=29 * moment))

    @pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta()], ids=["ahead", "behind", "alike"])
    def test_another_takes_over_when_it_stands_still_whatever_the_clocks_say(
        self, sessions: sessionmaker[Session], jump: timedelta
    ) -> None:
        old, clock = take(sessions, "a", NOW + jump), Seconds()
        watch = LeaseWatch("lab", 30, clock)
        assert old
        assert take(sessions, "b", watch=watch) is None
        clock.now += 30
        assert take(sessions, "b", watch=watch) is None
        clock.now += 1
        new = take(sessions, "b", watch=watch)
        assert new == Lease("lab", "b", 2)
        for act in (prove, release):
            with pytest.raises(LeaseLost), transaction(sessions) as session:
                act(session, old)
        with pytest.raises(LeaseLost):
            keep(sessions, old, NOW + HOUR)
        with transaction(sessions) as session:
            prove(session, new)

    @pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "behind"])
    def test_a_clock_that_jumps_on_either_side_takes_no_lease_away(
        self, sessions: sessionmaker[Session], jump: timedelta
    ) -> None:
        lease, clock = take(sessions, "a"), Seconds()
        watch = LeaseWatch("lab", 30, clock)
        assert lease
        for moment in range(10):
            assert take(sessions, "b", NOW + moment * jump, watch) is None
            clock.now += 10
            keep(sessions, lease, NOW + (10 - moment) * jump)

    def test_a_lease_that_was_renewed_behind_the_look_is_not_taken(self, sessions: sessionmaker[Session]) -> None:
        lease, clock = take(sessions, "a"), Seconds()
        watch = LeaseWatch("lab", 30, clock)
        assert lease
        take(sessions, "b", watch=watch)
        clock.now += 31
        with sessions() as session:
            stale = watch.stale(session)
        keep(sessions, lease, NOW + HOUR)
        with transaction(sessions) as session:
            assert stale
            assert acquire(session, "lab", "b", NOW, 30, stale) is None

    def test_it_is_free_at_once_when_given_back(self, sessions: sessionmaker[Session]) -> None:
        lease = take(sessions, "a", NOW + HOUR)
        assert lease
        with transaction(sessions) as session:
            release(session, lease)
        assert take(sessions, "b", NOW) == Lease("lab", "b", 2)
