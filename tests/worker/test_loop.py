"""The worker's life goes on while clusters and the database fail, and ends where another worker took over."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.clusters.models import ClusterRow
from tuning.db import transaction
from tuning.errors import ClusterError, NotListening
from tuning.settings import ClusterSettings, Settings
from tuning.ssh.traffic import Traffic
from worker import loop
from worker.loop import Worker

LONGEST_WAIT_SECONDS = 20.0


class Away(LocalTransport):
    """A login node that does not answer."""

    def __init__(self, error: ClusterError | None = None) -> None:
        super().__init__()
        self.is_cut_off = True
        self.tries = 0
        self._error = error

    def _check(self) -> None:
        self.tries += 1
        if self._error is not None:
            raise self._error
        super()._check()


@contextmanager
def running(
    settings: Settings, sessions: sessionmaker[Session], transport: Away, poll_interval_seconds: float, **more: Any
) -> Iterator[Worker]:
    """A worker in a thread; it ends with the block."""
    cluster = make_cluster_settings(poll_interval_seconds=poll_interval_seconds, **more)
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


def test_a_login_node_that_comes_back_is_driven_before_the_pause_is_over(
    settings: Settings, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "PROBE_SECONDS", 0.1)
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        transport = Away(NotListening("connection refused"))
        with running(settings, sessions, transport, poll_interval_seconds=60.0, port=port.getsockname()[1]):
            wait_until(lambda: is_away(sessions))  # a pause of half a minute at the least begins here
            tries = transport.tries
            port.listen()
            wait_until(lambda: transport.tries > tries)


def test_a_stop_does_not_wait_for_the_allowance(settings: Settings, sessions: sessionmaker[Session]) -> None:
    waits = threading.Event()

    class Spent(Away):
        traffic: Traffic

        def _check(self) -> None:
            self.traffic.begin_connection()
            waits.set()
            self.traffic.begin_connection()

    transport = Spent()

    def opened(_settings: ClusterSettings, traffic: Traffic) -> Spent:
        transport.traffic = traffic
        return transport

    worker = Worker(settings, {"lab": make_cluster_settings(connections_per_minute=1)}, sessions, opened, "me")
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert waits.wait(LONGEST_WAIT_SECONDS)
    worker.stop.set()
    thread.join(LONGEST_WAIT_SECONDS)
    assert not thread.is_alive()


def test_a_stop_cuts_a_command_that_does_not_end(
    settings: Settings, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STOP_SECONDS", 0.1)
    hangs = threading.Event()

    class Hanging(Away):
        closed = threading.Event()

        def _check(self) -> None:
            hangs.set()
            assert self.closed.wait(LONGEST_WAIT_SECONDS)
            super()._check()

        def close(self) -> None:
            super().close()
            self.closed.set()

    with running(settings, sessions, Hanging(), poll_interval_seconds=60.0) as worker:
        assert hangs.wait(LONGEST_WAIT_SECONDS)
        worker.stop.set()


def test_failures_that_last_cost_a_login_now_and_then(settings: Settings, sessions: sessionmaker[Session]) -> None:
    transport = Away()
    with running(settings, sessions, transport, poll_interval_seconds=0.2):
        wait_until(lambda: transport.is_closed)
        wait_until(lambda: transport.tries > 3)
