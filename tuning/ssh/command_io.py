"""One remote command's three streams, moved together until it has ended, or its stdout as it comes."""

import select
import time
from collections.abc import Iterator
from threading import Event
from typing import Protocol

from tuning.errors import RemoteFileError
from tuning.ssh.transport import Completed

_BLOCK = 65536
_MOST_WORDS = 2000


class CommandChannel(Protocol):
    """Part of an SSH channel that a command needs (paramiko.Channel has it)."""

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
    def sendall(self, s: bytes, /) -> None: ...


class Input:
    """Stdin of a command, and how much of it has left us."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)
        self.is_over = False
        """Nothing is left to be sent, or nobody takes it any more."""
        self.may_have_arrived = not content
        """False: the last byte was never given to the connection, so nobody can have read the whole of it."""

    def move(self, channel: CommandChannel) -> bool:
        """Send as much as the connection takes now; whether anything moved."""
        if self.is_over or (self._rest and not channel.send_ready()):
            return False
        try:
            if self._rest:
                block = bytes(self._rest[:_BLOCK])
                self.may_have_arrived |= len(block) == len(self._rest)
                self._rest = self._rest[channel.send(block) :]
            else:
                self.is_over = True
                channel.shutdown_write()
        except OSError:
            # The command ended without reading all of its stdin, as it may; what it said is still to be drained.
            self.is_over = True
        return True


def exchange(channel: CommandChannel, stdin: Input, deadline: float) -> Completed:
    """Feed stdin and drain stdout and stderr, all as they come, and then take the exit status.

    Together, because stdout and stderr share one window: a command that fills one of them while nobody reads it stands
    still for ever (paramiko#448, #1778), and so does one that answers while a long stdin is still being written.
    `deadline` is on time.monotonic's clock; raises TimeoutError when it passes: recv_exit_status alone would not.
    The exit status is -1 when none came (a signal, or a connection that broke).
    """
    stdout, stderr = bytearray(), bytearray()
    while True:
        ended = channel.exit_status_ready() and (channel.eof_received or channel.closed)
        moved = stdin.move(channel) | _drain(channel, stdout, stderr)
        if ended:
            return Completed(bytes(stdout), bytes(stderr), channel.recv_exit_status())
        if not moved:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            # Nobody tells us that the window for stdin has opened again, so it is looked at.
            _wait(channel, min(left, 1.0 if stdin.is_over else 0.01))


def stdout_of(channel: CommandChannel, stdin: bytes, seconds: float) -> Iterator[bytes]:
    """Give a command its whole stdin, and then its stdout block by block, as fast as they are taken.

    Raises TimeoutError when nothing comes for as long as the channel's own time limit, RemoteFileError with what the
    command said where it does not end with 0, and EOFError where the connection broke. The command must read all of
    its stdin before it answers.
    """
    channel.sendall(stdin)
    channel.shutdown_write()
    said = bytearray()
    while block := channel.recv(_BLOCK):
        yield block
        _keep_stderr(channel, said)
    channel.status_event.wait(seconds)
    _keep_stderr(channel, said)
    status = channel.recv_exit_status() if channel.exit_status_ready() else -1
    if status == -1:
        raise EOFError("it ended without an exit status")
    if status != 0:
        raise RemoteFileError(said[:_MOST_WORDS].decode("utf-8", "replace").strip() or f"it ended with {status}")


def _keep_stderr(channel: CommandChannel, said: bytearray) -> None:
    while channel.recv_stderr_ready():
        words = channel.recv_stderr(_BLOCK)
        said += words[: _MOST_WORDS - len(said)] if len(said) < _MOST_WORDS else b""


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
