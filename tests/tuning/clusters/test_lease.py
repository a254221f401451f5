"""The lease: one driver at a time, and a driver that slept can write nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease, acquire, ensure_row, prove, release, renew
from tuning.db import transaction
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


def take(sessions: sessionmaker[Session], owner: str, now: datetime) -> Lease | None:
    with transaction(sessions) as session:
        return acquire(session, "lab", owner, now, 30)


@pytest.mark.usefixtures("cluster")
class TestLease:
    def test_only_one_worker_gets_it(self, sessions: sessionmaker[Session]) -> None:
        assert take(sessions, "a", NOW) == Lease("lab", "a", 1)
        assert take(sessions, "b", NOW) is None

    def test_nobody_else_gets_it_while_it_is_renewed(self, sessions: sessionmaker[Session]) -> None:
        lease = take(sessions, "a", NOW)
        assert lease
        with transaction(sessions) as session:
            renew(session, lease, NOW + timedelta(seconds=29), 30)
        assert take(sessions, "b", NOW + timedelta(seconds=31)) is None

    def test_another_takes_over_when_it_expires_and_the_old_one_can_write_nothing(
        self, sessions: sessionmaker[Session]
    ) -> None:
        old = take(sessions, "a", NOW)
        new = take(sessions, "b", NOW + timedelta(seconds=31))
        assert old
        assert new == Lease("lab", "b", 2)
        for act in (prove, release):
            with pytest.raises(LeaseLost), transaction(sessions) as session:
                act(session, old)
        with pytest.raises(LeaseLost), transaction(sessions) as session:
            renew(session, old, NOW + timedelta(seconds=32), 30)
        with transaction(sessions) as session:
            prove(session, new)

    def test_it_is_free_at_once_when_given_back(self, sessions: sessionmaker[Session]) -> None:
        lease = take(sessions, "a", NOW)
        assert lease
        with transaction(sessions) as session:
            release(session, lease)
        assert take(sessions, "b", NOW) == Lease("lab", "b", 2)
