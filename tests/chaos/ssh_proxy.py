"""A TCP proxy in front of sshd, which counts what passes and can cut, stall and delay it."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

HOST = "127.0.0.1"
CHUNK = 65536


class Direction(StrEnum):
    """Seen from packtrain."""

    UP = "up"
    DOWN = "down"


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, sshd: socket.socket) -> None:
        self.ends = {Direction.UP: (client, sshd), Direction.DOWN: (sshd, client)}
        self._open_directions = 2
        self._lock = threading.Lock()

    def cut(self) -> None:
        """End both halves; what was forwarded before still arrives."""
        for end in self.ends[Direction.UP]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def ended(self) -> bool:
        """Whether both directions are over; to be called once by each. The sockets are closed by the last."""
        with self._lock:
            self._open_directions -= 1
            if self._open_directions == 0:
                for end in self.ends[Direction.UP]:
                    end.close()
            return self._open_directions == 0


class SshProxy:
    """Listens on a free loopback port and forwards to sshd until `close`."""

    def __init__(self, sshd_port: int) -> None:
        self._sshd_port = sshd_port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay_seconds = 0.0
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._passed = dict.fromkeys(Direction, 0)
        self._budget: dict[Direction, int | None] = dict.fromkeys(Direction, None)
        self._spent: Callable[[], None] = self.cut
        """What happens when a budget is used up."""
        threading.Thread(target=self._accept, name="ssh-proxy", daemon=True).start()

    @property
    def links(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._links)

    def passed(self, direction: Direction) -> int:
        """How many bytes have been forwarded since the start."""
        with self._lock:
            return self._passed[direction]

    def cut(self) -> None:
        """Cut every connection now."""
        with self._lock:
            links = [*self._links]
        for link in links:
            link.cut()

    def cut_after(self, direction: Direction, count: int) -> None:
        """Forward exactly so many further bytes in this direction, then cut every connection, once."""
        with self._lock:
            self._budget[direction], self._spent = count, self.cut

    def stall_after(self, direction: Direction, count: int) -> None:
        """Forward exactly so many further bytes in this direction, and then nothing."""
        with self._lock:
            self._budget[direction], self._spent = count, self.stall

    def is_armed(self) -> bool:
        """Whether a cut is still to come."""
        with self._lock:
            return any(budget is not None for budget in self._budget.values())

    def stall(self) -> None:
        """Forward nothing, and keep the connections open."""
        self._flowing.clear()

    def heal(self) -> None:
        """Forward everything again, without delay."""
        with self._lock:
            self._budget = dict.fromkeys(Direction, None)
        self.delay_seconds = 0.0
        self._flowing.set()

    def close(self) -> None:
        """Listen no more, and cut what there is."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._open(client)

    def _open(self, client: socket.socket) -> None:
        try:
            sshd = socket.create_connection((HOST, self._sshd_port), timeout=5.0)
        except OSError:
            client.close()
            return
        sshd.settimeout(None)
        for end in (client, sshd):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(client, sshd)
        with self._lock:
            self._links.add(link)
        for direction in Direction:
            threading.Thread(target=self._pump, args=(link, direction), daemon=True).start()

    def _pump(self, link: _Link, direction: Direction) -> None:
        source, target = link.ends[direction]
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                while chunk:
                    self._flowing.wait()
                    time.sleep(self.delay_seconds)
                    chunk = self._forward(chunk, target, direction)
        link.cut()
        if link.ended():
            with self._lock:
                self._links.discard(link)

    def _forward(self, chunk: bytes, target: socket.socket, direction: Direction) -> bytes:
        """As much as may pass; returns the rest."""
        with self._lock:
            budget, spent = self._budget[direction], self._spent
            allowed = chunk if budget is None else chunk[:budget]
            self._passed[direction] += len(allowed)
            is_over = budget is not None and len(chunk) >= budget
            if budget is not None:
                self._budget[direction] = None if is_over else budget - len(allowed)
        target.sendall(allowed)
        if is_over:
            spent()
        return chunk[len(allowed) :]
