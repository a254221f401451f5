"""The bytes that people ask for from a cluster: artifacts, and old ranges of logs.

The only module of the server over tuning.ssh. It has a budget of its own, small beside the worker's: what is over it
is refused at once, with when to ask again.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from server.transfer_budget import TransferBudget, TransferLimits
from server.transfer_response import ReaderPace
from tuning.errors import NotAllowed, NotFound, RemoteFileError
from tuning.settings import ClusterSettings
from tuning.ssh.checked_files import FileLook, FileRange, look_at_files, send_files
from tuning.ssh.paramiko_transport import ParamikoTransport
from tuning.ssh.transport import Transport

_LATEST_EPOCH = 253_402_300_799  # the end of the year 9999: what a run gives its files as time is its own affair


@dataclass(frozen=True)
class RemoteFile:
    """A regular file beneath the root of its cluster; no link leads there."""

    path: str
    size_bytes: int
    modified_at: datetime

    @property
    def etag(self) -> str:
        """Changes when the file does; both parts are the cluster's own."""
        return f'"{self.size_bytes:x}-{int(self.modified_at.timestamp()):x}"'


class ClusterFiles:
    """The files of all clusters, each over one connection that is opened when it is first needed and then kept.

    Every method may raise the errors of tuning.ssh (Unreachable, ...), Unavailable when the budget is spent, and
    NotFound for a cluster that the settings no longer name.
    """

    def __init__(
        self,
        clusters: Mapping[str, ClusterSettings],
        connect: Callable[[ClusterSettings], Transport] = ParamikoTransport,
        *,
        limits: TransferLimits = TransferLimits(),
        pace: ReaderPace = ReaderPace(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = pace
        """How slowly what is read from here may be taken."""
        self._clusters = clusters
        self._connect = connect
        self._lock = threading.Lock()
        self._transports: dict[str, Transport] = {}
        self._budgets = {name: TransferBudget(limits, monotonic) for name in clusters}

    def root(self, cluster: str) -> str:
        """Our folder on a cluster."""
        return self._settings(cluster).root

    @contextmanager
    def transfer(self, cluster: str, user_id: str) -> Iterator[Transport]:
        """The transport for one transfer within a person's budget, which is given back when the block ends."""
        settings = self._settings(cluster)
        with self._budgets[cluster].place(user_id):
            yield self._transport(settings)

    def of(self, user_id: str) -> "PersonFiles":
        """The files of all clusters, within one person's budget."""
        return PersonFiles(self, user_id)

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            transports = list(self._transports.values())
            self._transports.clear()
        for transport in transports:
            transport.close()

    def _settings(self, cluster: str) -> ClusterSettings:
        settings = self._clusters.get(cluster)
        if settings is None:
            raise NotFound(f"the settings know no cluster {cluster} any more", hint="ask an administrator")
        return settings

    def _transport(self, settings: ClusterSettings) -> Transport:
        with self._lock:
            transport = self._transports.get(settings.name)
            if transport is None:
                transport = self._transports[settings.name] = self._connect(settings)
            return transport


@dataclass(frozen=True)
class PersonFiles:
    """The files of all clusters, read within one person's budget. Raises what ClusterFiles does."""

    files: ClusterFiles
    user_id: str

    @property
    def pace(self) -> ReaderPace:
        """Slowest pace at which the bytes that are read may be taken."""
        return self.files.pace

    def root(self, cluster: str) -> str:
        """Our folder on a cluster."""
        return self.files.root(cluster)

    def transfer(self, cluster: str) -> AbstractContextManager[Transport]:
        """The transport for one transfer within the budget, which is given back when the block ends."""
        return self.files.transfer(cluster, self.user_id)

    def read(self, cluster: str, folder: str, path: str, offset: int, length: int) -> bytes:
        """At most `length` bytes of a file from `offset` on; fewer where it ends before."""
        root = self.root(cluster)
        with self.transfer(cluster) as transport:
            file = only_file(transport, root, folder, path)
            left = max(0, min(length, file.size_bytes - offset))
            return b"".join(send_files(transport, root, [FileRange(file.path, offset, left)]))


def look_at(transport: Transport, root: str, folder: str, paths: Sequence[str]) -> dict[str, RemoteFile]:
    """The files at these paths under a folder as they are now, in one command; those that are gone are left out.

    Raises NotAllowed for a link, at any place of a path beneath the root, and for what is no plain file: our account
    can read more than the people who ask.
    """
    looks = look_at_files(transport, root, [f"{folder}/{path}" for path in paths])
    found = zip(paths, looks, strict=True)
    return {path: _remote_file(path, folder, look) for path, look in found if look is not None}


def only_file(transport: Transport, root: str, folder: str, path: str) -> RemoteFile:
    """One file. Raises NotFound when it is gone from the cluster."""
    found = look_at(transport, root, folder, [path])
    if path not in found:
        raise NotFound(f"{path} is no longer on the cluster", hint="somebody removed it there")
    return found[path]


def exactly(chunks: Iterator[bytes], length: int) -> Iterator[bytes]:
    """The chunks, which together have this length. Raises RemoteFileError where the file became shorter meanwhile.

    It begins to read now and not at the first chunk, so that what cannot be read is said before an answer begins.
    """
    first = next(chunks, b"")
    return _counted(first, chunks, length)


def _counted(first: bytes, chunks: Iterator[bytes], length: int) -> Iterator[bytes]:
    missing = length - len(first)
    yield first
    for chunk in chunks:
        missing -= len(chunk)
        yield chunk
    if missing != 0:
        raise RemoteFileError(f"a file changed while it was read: {missing} bytes are missing")


def _remote_file(path: str, folder: str, look: FileLook) -> RemoteFile:
    if look.is_refused:
        message = f"{path} is reached by a link, or is no plain file of its own"
        raise NotAllowed(message, hint="such a file is not served")
    modified_epoch = min(max(0, look.modified_epoch), _LATEST_EPOCH)
    return RemoteFile(f"{folder}/{path}", look.size_bytes, datetime.fromtimestamp(modified_epoch, UTC))
