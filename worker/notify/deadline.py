"""Deadline of one try to send: it bounds all of it together, however slowly a receiver answers byte by byte."""

import io
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

_SLICE_SECONDS = 0.5
"""How soon a read that waits notices that the worker is to stop."""


class Deadline:
    """Time that is left for one try; it ends at once when the worker stops."""

    def __init__(self, seconds: float, stop: threading.Event, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._stop = monotonic, stop
        self._until = monotonic() + seconds

    def left_seconds(self) -> float:
        """Raises TimeoutError when it is over."""
        left = self._until - self._monotonic()
        if left <= 0 or self._stop.is_set():
            raise TimeoutError("no whole answer in time")
        return left


class DeadlineSocket:
    """A connected socket as http.client wants it: each send and read takes no longer than the deadline leaves."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = connected, deadline

    def sendall(self, content: bytes) -> None:
        """Send a whole text. Raises OSError."""
        self._socket.settimeout(self._deadline.left_seconds())
        self._socket.sendall(content)

    def makefile(self, *_: Any) -> io.BufferedReader:
        """The answer to read."""
        return io.BufferedReader(_Reader(self._socket, self._deadline))

    def close(self) -> None:
        """End the connection, whatever is still on its way."""
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._socket, self._deadline = connected, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises TimeoutError when the deadline has passed."""
        while True:
            self._socket.settimeout(min(self._deadline.left_seconds(), _SLICE_SECONDS))
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                continue
