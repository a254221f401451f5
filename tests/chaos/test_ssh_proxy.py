"""The proxy forwards what it is told to, to the byte."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.chaos.ssh_proxy import HOST, Direction, SshProxy


class Sink:
    """A server that keeps what it gets and answers every byte with another."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.got = b""
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5.0)

    def _serve(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                while chunk := connection.recv(1000):
                    self.got += chunk
                    connection.sendall(chunk.upper())
        self.ended.set()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def proxy(sink: Sink) -> Iterator[SshProxy]:
    proxy = SshProxy(sink.port)
    yield proxy
    proxy.close()


def connect(proxy: SshProxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=5.0)


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(1000):
            received += chunk
    return received


def test_it_forwards_and_counts(proxy: SshProxy) -> None:
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"HELLO"
        assert (proxy.links, proxy.passed(Direction.UP), proxy.passed(Direction.DOWN)) == (1, 5, 5)


def test_it_cuts_after_so_many_bytes_up(proxy: SshProxy, sink: Sink) -> None:
    proxy.cut_after(Direction.UP, 3)
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        read_to_end(connection)
        assert sink.ended.wait(5.0)
        assert sink.got == b"hel"
    assert not proxy.is_armed()


def test_it_cuts_after_so_many_bytes_down(proxy: SshProxy, sink: Sink) -> None:
    proxy.cut_after(Direction.DOWN, 2)
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        assert read_to_end(connection) == b"HE"
        assert sink.ended.wait(5.0)
        assert sink.got == b"hello"


def test_it_stalls_and_goes_on(proxy: SshProxy, sink: Sink) -> None:
    with connect(proxy) as connection:
        proxy.stall()
        connection.sendall(b"hello")
        time.sleep(0.1)
        assert sink.got == b""
        proxy.heal()
        assert connection.recv(5, socket.MSG_WAITALL) == b"HELLO"


def test_it_stalls_after_so_many_bytes_and_loses_none(proxy: SshProxy, sink: Sink) -> None:
    proxy.stall_after(Direction.UP, 3)
    with connect(proxy) as connection:
        connection.sendall(b"hello")
        time.sleep(0.1)
        assert sink.got == b"hel"
        proxy.heal()
        assert connection.recv(3) == b"HEL"
        assert connection.recv(2) == b"LO"
