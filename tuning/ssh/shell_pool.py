"""Shells on a login node that wait for their command, so that giving one takes one round trip and starts no process.

To open a channel and start a shell on it takes two round trips and most of the time of a short command. It is done
ahead, behind the back of whoever took the shell before; each shell still runs one command and ends.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock, Timer
from typing import Generic, Protocol, TypeVar

_LENGTH_DIGITS = 8
_BEGINS = "packtrain-command-begins"
WAITING_SHELL = (
    "export LC_ALL=C TZ=UTC; exec bash -c "
    f"""'IFS= read -r -N {_LENGTH_DIGITS} length && IFS= read -r -N "$length" command && """
    f"""echo {_BEGINS} && eval "$command"'"""
)
"""Reads its command's length and then as many bytes, says that it begins, and leaves the rest of stdin to the command.

Up to an end mark it would read byte by byte, a system call each. sshd takes no environment from the protocol."""


def as_read(command: str) -> bytes:
    """A command as a waiting shell reads it."""
    content = command.encode()
    return f"{len(content):0{_LENGTH_DIGITS}d}".encode() + content


def own_output(stdout: bytes) -> bytes | None:
    """Output of the command itself; None when a waiting shell ended without having begun it."""
    _, begins, output = stdout.partition(f"{_BEGINS}\n".encode())
    return output if begins else None


class OwnOutput:
    """Output of the command itself, from an output that comes in blocks."""

    def __init__(self) -> None:
        self.has_begun = False

    def of(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Blocks of the command's own output; none if it never begins."""
        held = b""
        for block in blocks:
            held += block
            if (output := own_output(held)) is not None:
                self.has_begun = True
                if output:
                    yield output
                yield from blocks
                return


class Closable(Protocol):
    """An SSH channel with a shell on it."""

    def close(self) -> None: ...


Shell = TypeVar("Shell", bound=Closable)


class ReadyShells(Generic[Shell]):
    """At most so many shells that wait. Safe for many threads.

    `open_shell` opens one, and returns None where none is to be had now; `is_waiting` tells whether one still waits.
    """

    def __init__(
        self,
        open_shell: Callable[[], Shell | None],
        is_waiting: Callable[[Shell], bool],
        most: int,
        pause_seconds: float = 0.03,
    ) -> None:
        self._open_shell, self._is_waiting = open_shell, is_waiting
        self._most = most
        self._pause_seconds = pause_seconds
        """Another command follows as a rule: the next shell is opened when the short ones are over."""
        self._shells: list[Shell] = []
        self._is_refilling = False
        self._era = 0
        """Grows when all are dropped: a shell that was being opened meanwhile is dropped, too."""
        self._lock = Lock()

    def take(self) -> Shell | None:
        """One that waits, or None."""
        while (shell := self._pop()) is not None and not self._is_waiting(shell):
            _close(shell)
        return shell

    def refill_soon(self) -> None:
        """Open the next ones, once a command has ended: there is a connection then, and nobody waits."""
        with self._lock:
            if self._is_refilling:
                return
            self._is_refilling = True
        timer = Timer(self._pause_seconds, self._refill)
        timer.daemon = True
        timer.start()

    def drop(self) -> bool:
        """Close all of them; False when there was none."""
        with self._lock:
            shells, self._shells = self._shells, []
            self._era += 1
        for shell in shells:
            _close(shell)
        return bool(shells)

    def _pop(self) -> Shell | None:
        with self._lock:
            return self._shells.pop(0) if self._shells else None

    def _refill(self) -> None:
        try:
            while self._is_short() and self._add():
                pass
        finally:
            with self._lock:
                self._is_refilling = False

    def _is_short(self) -> bool:
        with self._lock:
            return len(self._shells) < self._most

    def _add(self) -> bool:
        era = self._era
        shell = self._open_shell()
        if shell is None:
            return False
        with self._lock:
            if is_wanted := era == self._era:
                self._shells.append(shell)
        if not is_wanted:
            _close(shell)
        return is_wanted


def _close(shell: Closable) -> None:
    with suppress(OSError, EOFError):
        shell.close()
