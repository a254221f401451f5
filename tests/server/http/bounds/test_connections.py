"""Connections that wait, send too much of a head, or read nothing, at a real server."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI

from server.http.bounds.connections import (
    MAX_HEAD_BYTES,
    MOST_HALF_OPEN,
    BoundedConfig,
    ConnectionLimits,
    ConnectionWatch,
    usable_connections,
)
from server.http.stopping import StoppingServer
from tests.factories import Seconds
from tuning.jobs.models import Job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PATIENCE_SECONDS = 60.0
HEAD_SECONDS = 10.0
IDLE_SECONDS = 30.0
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-a: "
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def most() -> int:
    """Connections at once."""
    return 2000


@pytest.fixture
def port(app: FastAPI, seconds: Seconds, most: int) -> Iterator[int]:
    """Of a real server, whose connections wait by the test's clock."""
    limits = ConnectionLimits(HEAD_SECONDS, IDLE_SECONDS, most)
    config = BoundedConfig(app, ConnectionWatch(limits, seconds), port=0, log_config=None, access_log=False)
    server = StoppingServer(config, app.state.feed)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE_SECONDS)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opened(port: int, sent: bytes = b"") -> socket.socket:
    """A connection over which this was sent."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    connection.sendall(sent)
    return connection


def status_of(connection: socket.socket) -> bytes:
    """The status of the next answer; nothing where the connection was ended."""
    try:
        return connection.recv(65_536)[9:12]
    except ConnectionResetError:
        return b""


def is_cut_in_time(connection: socket.socket, seconds: Seconds) -> bool:
    """Whether it is ended while the server's time goes on."""

    def is_cut() -> bool:
        seconds.now += HEAD_SECONDS / 10
        return not is_open(connection)

    wait_until(is_cut)
    return True


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not ended it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"GET",
        HALF_A_HEAD,
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        HEALTH + HALF_A_HEAD,
        HEALTH + b"\r\n",
    ],
)
def test_what_does_not_come_is_waited_for_so_long_and_no_longer(port: int, seconds: Seconds, sent: bytes) -> None:
    with opened(port, sent) as connection:
        if sent.startswith((b"POST", HEALTH)):
            assert status_of(connection) in (b"200", b"401")
        assert is_cut_in_time(connection, seconds)


def test_a_head_that_trickles_in_is_cut_too(port: int, seconds: Seconds) -> None:
    with opened(port, HALF_A_HEAD) as connection:
        for _ in range(3):
            seconds.now += HEAD_SECONDS / 2
            try:
                connection.sendall(b"a")
            except (BrokenPipeError, ConnectionResetError):
                break
        assert is_cut_in_time(connection, seconds)


def test_a_long_poll_is_not_cut(port: int, seconds: Seconds, token: str, running_job: Job) -> None:
    path = f"/api/v1/jobs/{running_job.id}/progress?wait=1&since=1"
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with opened(port, request) as connection:
        seconds.now += 10 * HEAD_SECONDS
        assert status_of(connection) == b"200"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD_BYTES + 1),
        b"GET /" + b"a" * (MAX_HEAD_BYTES + 1),
        b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * MAX_HEAD_BYTES,
        b"POST /api/v1/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 4 * MAX_HEAD_BYTES,
        b"POST /api/v1/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 4 * MAX_HEAD_BYTES,
    ],
    ids=["header", "path", "headers", "trailer", "chunk extension"],
)
def test_a_head_without_end_is_refused(port: int, seconds: Seconds, sent: bytes) -> None:
    with opened(port) as connection:
        try:
            connection.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert status_of(connection) in (b"431", b"401", b"")
        assert is_cut_in_time(connection, seconds)


def test_a_thousand_half_open_requests_leave_room_for_others(port: int, seconds: Seconds) -> None:
    usable_connections(2000)
    half_open = [opened(port, HALF_A_HEAD) for _ in range(MOST_HALF_OPEN + 500)]
    try:
        with opened(port, HEALTH) as connection:
            assert status_of(connection) == b"200"
        seconds.now += 2
        wait_until(lambda: sum(map(is_open, half_open)) <= MOST_HALF_OPEN)
    finally:
        for connection in half_open:
            connection.close()


@pytest.mark.parametrize("most", [32])
class TestAFullServer:
    def test_those_that_wait_make_room(self, port: int) -> None:
        waiting = [opened(port, HALF_A_HEAD) for _ in range(100)]
        with opened(port, HEALTH) as connection:
            assert status_of(connection) == b"200"
        wait_until(lambda: sum(map(is_open, waiting)) <= 32)
        for connection in waiting:
            connection.close()


def test_what_is_no_http_is_refused_as_every_error_is(port: int) -> None:
    with opened(port, b"G\x01T / HTTP/1.1\r\n\r\n") as connection:
        assert b"application/problem+json" in connection.recv(65_536)


def test_a_reader_that_takes_nothing_is_cut(port: int, seconds: Seconds) -> None:
    """It asks for so much that the kernel's buffers are full."""

    def is_cut() -> bool:
        seconds.now += IDLE_SECONDS / 10
        try:
            connection.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True
        return False

    with opened(port) as connection:
        connection.setblocking(False)
        wait_until(is_cut)
