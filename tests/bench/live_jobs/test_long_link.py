"""A link that delays, and does not throttle."""

import socket
import threading
import time
from contextlib import closing

import pytest

from tests.bench.live_jobs.long_link import long_link

ROUND_TRIP_SECONDS = 0.2
PIECES = 40


@pytest.fixture
def echo() -> int:
    """The port of a server that gives back what it gets, to the end, on one connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with closing(listener), closing(listener.accept()[0]) as connection:
            while piece := connection.recv(65536):
                connection.sendall(piece)

    threading.Thread(target=answer, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def test_pieces_in_a_row_arrive_whole_and_are_late_once(echo: int) -> None:
    with long_link(echo) as link, closing(socket.create_connection(("127.0.0.1", link.port))) as client:
        link.round_trip_seconds = ROUND_TRIP_SECONDS
        started, found = time.monotonic(), b""
        for number in range(PIECES):
            client.sendall(bytes([number]))
            time.sleep(0.001)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            found += piece
        seconds = time.monotonic() - started
    assert found == bytes(range(PIECES))
    assert seconds >= ROUND_TRIP_SECONDS
    assert seconds < PIECES * ROUND_TRIP_SECONDS / 2, "a sleep for each piece would take longer"
