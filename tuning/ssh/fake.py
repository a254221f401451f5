"""A transport for tests: a handler answers commands, a dictionary is the file system, tunnels end on this machine."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

from tuning.errors import PortClosed, RemoteFileError
from tuning.ssh.transport import Completed
from tuning.ssh.tunnel import Tunnel

Handler = Callable[[str, bytes], Completed]


class FakeTransport:
    """`tuning.ssh.transport.Transport` without a network.

    `handler(command, stdin)` gives the answer of a command, or raises what the real transport would.
    `commands` keeps what was run, `files` holds what was put.
    """

    def __init__(self, handler: Handler, files: dict[str, bytes] | None = None) -> None:
        self.commands: list[tuple[str, bytes]] = []
        self.files = dict(files or {})
        self.closed = False
        self._handler = handler

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        """Record the command, and return the handler's answer."""
        self.commands.append((command, stdin))
        return self._handler(command, stdin)

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        """Keep the content under its path."""
        self.files[path] = content.read()

    def stream(self, command: str, *, stdin: bytes = b"") -> Iterator[bytes]:
        """Record the command, and yield the stdout of the handler's answer, in one chunk."""
        self.commands.append((command, stdin))
        done = self._handler(command, stdin)
        yield done.stdout
        if done.exit_status != 0:
            raise RemoteFileError(done.stderr.decode("utf-8", "replace"))

    def tunnel(self, host: str, port: int) -> Tunnel:
        """See `local_tunnel`."""
        return local_tunnel(host, port)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def local_tunnel(host: str, port: int) -> Tunnel:
    """A tunnel that is a connection of this machine itself. Raises PortClosed."""
    try:
        connection = socket.create_connection((host, port))
    except OSError as error:
        raise PortClosed(f"nothing takes connections at {host}:{port}") from error
    return Tunnel(_LocalChannel(connection), f"{host}:{port}", broken=(OSError,))


class _LocalChannel:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def recv(self, nbytes: int) -> bytes:
        return self._connection.recv(nbytes)

    def sendall(self, s: bytes) -> None:
        self._connection.sendall(s)

    def close(self) -> None:
        with suppress(OSError):  # closing alone would leave a thread that receives
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
