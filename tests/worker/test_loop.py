"""The worker's life goes on while clusters and the database fail, and ends where another worker took over."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pkgutil import resolve_name
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import make_cluster_settings
from tests.local_transport import LocalTransport
from tests.replica import Replica
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.errors import ClusterError, NotListening
from tuning.jobs.models import Trouble
from tuning.settings import ClusterSettings, Settings
from tuning.ssh.budget import Traffic
from tuning.ssh.transport import Transport
from worker import loop
from worker.loop import Worker
from worker.upkeep.snapshot import SnapshotKeeper

LONGEST_WAIT_SECONDS = 120.0


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
    settings: Settings,
    sessions: sessionmaker[Session],
    transport: LocalTransport,
    poll_interval_seconds: float,
    **more: Any,
) -> Iterator[Worker]:
    """A worker in a thread; it ends with the block."""
    cluster = make_cluster_settings(poll_interval_seconds=poll_interval_seconds, **more)
    worker = Worker(settings, {"lab": cluster}, sessions, lambda _settings, _traffic: transport, "me")
    with in_a_thread(worker):
        yield worker


@contextmanager
def in_a_thread(worker: Worker) -> Iterator[None]:
    """It ends with the block."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
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


def test_a_breakers_pause_ends_when_another_worker_takes_the_cluster(
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


def test_a_read_only_database_does_not_end_the_worker(
    settings: Settings, sessions: sessionmaker[Session], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    transport, replica = Away(), Replica(engine)
    with running(settings, sessions, transport, poll_interval_seconds=0.2):
        wait_until(lambda: is_away(sessions))
        replica.is_one = True
        wait_until(lambda: any("the database does not answer" in one.getMessage() for one in caplog.records))
        replica.is_one = False
        tries = transport.tries
        wait_until(lambda: transport.tries > tries)


def test_a_database_without_tables_for_a_while_does_not_end_the_worker(
    settings: Settings, sessions: sessionmaker[Session], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """As while it is restored in place."""
    transport = Away()
    with running(settings, sessions, transport, poll_interval_seconds=0.2):
        wait_until(lambda: is_away(sessions))
        rename(engine, "clusters", "not_restored_yet")
        wait_until(lambda: any("the database does not answer" in one.getMessage() for one in caplog.records))
        rename(engine, "not_restored_yet", "clusters")
        tries = transport.tries
        wait_until(lambda: transport.tries > tries)


def rename(engine: Engine, old: str, new: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


class Unheard(BaseException):
    """What a library in another language may raise: not even an Exception."""


@pytest.mark.parametrize("error", [ValueError("bad key"), OSError("no such file"), MemoryError(), Unheard("panic")])
def test_a_cluster_that_cannot_be_driven_stops_no_other(
    settings: Settings, sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    other = Away()

    def open_transport(cluster: ClusterSettings, _traffic: Traffic) -> Transport:
        if cluster.name == "bad":
            raise error
        return other

    names = ("bad", "lab")
    clusters = {name: make_cluster_settings(name=name, poll_interval_seconds=0.2) for name in names}
    worker = Worker(settings, clusters, sessions, open_transport, "me")
    with in_a_thread(worker):
        wait_until(lambda: other.tries > 0)
        tried = "the cycles of bad failed"
        wait_until(lambda: len([one for one in caplog.records if one.getMessage() == tried]) > 1)
        tries = other.tries
        wait_until(lambda: other.tries > tries)


@pytest.mark.parametrize(
    "place", ["worker.cycle.release_ended", "tuning.db.notify._SqliteNews.wait", "worker.cycle.watch"]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_fails_in_a_cycle_is_the_clusters_trouble_and_heals(
    settings: Settings, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    fails = threading.Event()
    fails.set()
    owner, _, name = place.rpartition(".")
    work = resolve_name(place)

    def faulty(*arguments: Any) -> Any:
        if fails.is_set():
            raise RecursionError("too deep")
        return work(*arguments)

    monkeypatch.setattr(resolve_name(owner), name, faulty)
    monkeypatch.setattr(SnapshotKeeper, "refresh_if_old", lambda _: None)
    monkeypatch.setattr("tuning.jobs.troubles.FIRST_PAUSE", timedelta(seconds=0.1))
    with running(settings, sessions, LocalTransport(), poll_interval_seconds=0.2):
        wait_until(lambda: troubles(sessions) != [])
        assert [error for _, error in troubles(sessions)] == ["RecursionError"]
        fails.clear()
        wait_until(lambda: troubles(sessions) == [])


def troubles(sessions: sessionmaker[Session]) -> list[tuple[str, str]]:
    with sessions() as session:
        return [(row.step, row.error) for row in session.scalars(select(Trouble))]
