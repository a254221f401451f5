"""The worker's life goes on while clusters and the database fail, and ends where another worker took over."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.clusters.models import ClusterRow
from tuning.db import transaction
from tuning.settings import Settings
from worker.loop import Worker

LONGEST_WAIT_SECONDS = 20.0


class Away(LocalTransport):
    """A login node that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cut_off = True
        self.tries = 0

    def _check(self) -> None:
        self.tries += 1
        super()._check()


@contextmanager
def running(
    settings: Settings, sessions: sessionmaker[Session], transport: Away, poll_interval_seconds: float
) -> Iterator[Worker]:
    """A worker in a thread; it ends with the block."""
    cluster = make_cluster_settings(poll_interval_seconds=poll_interval_seconds)
    worker = Worker(settings, {"lab": cluster}, sessions, lambda _settings, _traffic: transport, "me")
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop.set()
        thread.join(LONGEST_WAIT_SECONDS)
        assert not thread.is_alive()


def wait_until(holds: Callable[[], bool]) -> None:
    """Fail when it does not come to be."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while not holds():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.01)


def row_of(sessions: sessionmaker[Session]) -> ClusterRow | None:
    with sessions() as session:
        return session.scalars(select(ClusterRow)).one_or_none()


def is_away(sessions: sessionmaker[Session]) -> bool:
    row = row_of(sessions)
    return row is not None and row.unreachable_since is not None


def test_a_pause_of_the_breaker_ends_when_another_worker_takes_the_cluster(
    settings: Settings, sessions: sessionmaker[Session]
) -> None:
    transport = Away()
    quick = settings.model_copy(update={"lease_seconds": 0.4})
    with running(quick, sessions, transport, poll_interval_seconds=60.0):
        wait_until(lambda: is_away(sessions))  # a pause of half a minute at the least begins here
        with transaction(sessions) as session:
            session.execute(update(ClusterRow).values(lease_token=ClusterRow.lease_token + 1, lease_owner="other"))
        wait_until(lambda: transport.is_closed)


def test_a_database_that_is_away_too_does_not_end_the_worker(
    settings: Settings, sessions: sessionmaker[Session], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    transport, is_gone = Away(), threading.Event()

    def refuse(_connection: Connection) -> None:
        if is_gone.is_set():
            raise OperationalError("BEGIN", None, Exception("gone"))

    event.listen(engine, "begin", refuse)
    with running(settings, sessions, transport, poll_interval_seconds=0.2):
        wait_until(lambda: is_away(sessions))
        is_gone.set()
        wait_until(lambda: any("does not answer: gone" in one.getMessage() for one in caplog.records))
        is_gone.clear()
        tries = transport.tries
        wait_until(lambda: transport.tries > tries)
