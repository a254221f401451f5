"""A TCP proxy on loopback whose bytes arrive later, as over a long way: each of them, and any number at once."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

HOST = "127.0.0.1"
_CHUNK_BYTES = 65536
_Late = SimpleQueue[tuple[float, bytes]]


class LongLink:
    """Forwards each connection to a port; what it reads it passes on half a round trip later, and reads on meanwhile.

    To sleep behind each piece would make a narrow link of a long one.
    """

    def __init__(self, port: int) -> None:
        self._to_port = port
        self._listener = socket.create_server((HOST, 0))
        self._ends: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.round_trip_seconds = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more, and end what there is."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self._to_port))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._ends.append(end)
                self._connect(client, server)
                self._connect(server, client)

    def _connect(self, source: socket.socket, target: socket.socket) -> None:
        late: _Late = SimpleQueue()
        threading.Thread(target=self._take, args=(source, late), daemon=True).start()
        threading.Thread(target=_pass_on, args=(late, target), daemon=True).start()

    def _take(self, source: socket.socket, late: _Late) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = source.recv(_CHUNK_BYTES)
            except OSError:
                chunk = b""
            late.put((time.monotonic() + self.round_trip_seconds / 2, chunk))


def _pass_on(late: _Late, target: socket.socket) -> None:
    """An empty piece is the end."""
    with suppress(OSError):
        while True:
            due, chunk = late.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not chunk:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(chunk)


@contextmanager
def long_link(port: int) -> Iterator[LongLink]:
    """A link to this port, without delay at first."""
    link = LongLink(port)
    try:
        yield link
    finally:
        link.close()
