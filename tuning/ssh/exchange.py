"""One remote command's three streams, moved together until it has ended."""

import select
import time
from threading import Event
from typing import Protocol

from tuning.ssh.transport import Completed

_BLOCK = 65536


class CommandChannel(Protocol):
    """What is needed of an SSH channel (paramiko.Channel has it)."""

    closed: bool
    status_event: Event

    @property
    def eof_received(self) -> int: ...
    def send_ready(self) -> bool: ...
    def send(self, s: bytes, /) -> int: ...
    def shutdown_write(self) -> None: ...
    def recv_ready(self) -> bool: ...
    def recv(self, nbytes: int, /) -> bytes: ...
    def recv_stderr_ready(self) -> bool: ...
    def recv_stderr(self, nbytes: int, /) -> bytes: ...
    def exit_status_ready(self) -> bool: ...
    def recv_exit_status(self) -> int: ...
    def fileno(self) -> int: ...


def exchange(channel: CommandChannel, stdin: bytes, deadline: float) -> Completed:
    """Feed stdin and drain stdout and stderr, all as they come, and then take the exit status.

    Together, because stdout and stderr share one window: a command that fills one of them while nobody reads it stands
    still for ever (paramiko#448, #1778), and so does one that answers while a long stdin is still being written.
    `deadline` is on time.monotonic's clock; raises TimeoutError when it passes: recv_exit_status alone would not.
    The exit status is -1 when none came (a signal, or a connection that broke).
    """
    stdout, stderr = bytearray(), bytearray()
    feed = _Feed(channel, stdin)
    while True:
        ended = channel.exit_status_ready() and (channel.eof_received or channel.closed)
        moved = feed.move() | _drain(channel, stdout, stderr)
        if ended:
            return Completed(bytes(stdout), bytes(stderr), channel.recv_exit_status())
        if not moved:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            # Nobody tells us that the window for stdin has opened again, so it is looked at.
            _wait(channel, min(left, 1.0 if feed.done else 0.01))


class _Feed:
    def __init__(self, channel: CommandChannel, stdin: bytes) -> None:
        self._channel = channel
        self._rest = memoryview(stdin)
        self.done = False

    def move(self) -> bool:
        if self.done or (self._rest and not self._channel.send_ready()):
            return False
        try:
            if self._rest:
                self._rest = self._rest[self._channel.send(bytes(self._rest[:_BLOCK])) :]
            else:
                self.done = True
                self._channel.shutdown_write()
        except OSError:
            # The command ended without reading all of its stdin, as it may; what it said is still to be drained.
            self.done = True
        return True


def _drain(channel: CommandChannel, stdout: bytearray, stderr: bytearray) -> bool:
    moved = False
    while channel.recv_ready():
        stdout += channel.recv(_BLOCK)
        moved = True
    while channel.recv_stderr_ready():
        stderr += channel.recv_stderr(_BLOCK)
        moved = True
    return moved


def _wait(channel: CommandChannel, seconds: float) -> None:
    if channel.eof_received:
        # At the end of the streams the descriptor stays readable; only the exit status is still to come.
        channel.status_event.wait(seconds)
        return
    poll = select.poll()  # not select.select: it knows no descriptor above 1023
    poll.register(channel.fileno(), select.POLLIN)
    poll.poll(max(1, int(seconds * 1000)))
