"""The seam to a login node: commands, files, streams and tunnels, nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from tuning.ssh.tunnel import Tunnel


@dataclass(frozen=True)
class Completed:
    """Result of a remote command: stdout, stderr and exit status."""

    stdout: bytes
    stderr: bytes
    exit_status: int


class Transport(Protocol):
    """One connection to one login node; every method may raise tuning.errors.Unreachable."""

    def run(self, command: str, *, stdin: bytes = b"", timeout_seconds: float | None = None) -> Completed:
        """Run a bash command line, which holds no NUL, in the account's environment with LC_ALL=C and TZ=UTC.

        The whole of stdout and stderr is read. Raises CommandTimedOut when it has not ended in time, and NotSent where
        the connection failed before the whole of stdin was sent.
        Never repeated by the transport: whoever called knows whether it may be.
        """
        ...

    def put(self, content: BinaryIO, path: str, *, mode: int = 0o644) -> None:
        """Write a remote file: to a temporary name beside it, size checked, then renamed over it.

        Missing parent folders are made. Raises RemoteDiskFull, RemoteFileError.
        """
        ...

    def stream(self, command: str, *, stdin: bytes = b"") -> Iterator[bytes]:
        """The stdout of a bash command line in chunks, as it comes; it is read as fast as they are taken.

        Raises RemoteFileError, with what it said, where it does not end with 0. To be closed by who leaves it early.
        """
        ...

    def tunnel(self, host: str, port: int) -> Tunnel:
        """A byte stream to a port that the login node can reach; to be closed by its user.

        Raises PortClosed where nothing listens there, and ForwardingRefused where sshd lets nobody through.
        """
        ...

    def close(self) -> None:
        """End the connection; may be called twice."""
        ...
