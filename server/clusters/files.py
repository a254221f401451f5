"""The bytes that people ask for from a cluster: artifacts, and old ranges of logs.

It has a budget of its own, small beside the worker's: what is over it is refused at once, with when to ask again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from server.clusters.connections import ClusterConnections, Connect
from server.clusters.transfer_budget import TransferBudget, TransferLimits
from server.clusters.transfer_response import ReaderPace
from server.recent_values import RecentValues
from tuning.errors import NotAllowed, NotFound, RemoteFileError
from tuning.settings import ClusterSettings
from tuning.ssh.checked_files import FileLook, FileRange, look_at_files, send_files
from tuning.ssh.file_listing import OutputFile, list_files
from tuning.ssh.paramiko_transport import ParamikoTransport
from tuning.ssh.transport import Transport

LISTING_SECONDS = 5.0
"""So long a listing is answered from memory, however many ask."""
MOST_LISTINGS = 20
"""One may be of 20,000 files."""
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


@dataclass(frozen=True)
class Listing:
    """Files beneath a folder, by their paths in it, and when they were looked at."""

    files: tuple[RemoteFile, ...]
    listed_at: datetime


class ClusterFiles:
    """The files of all clusters, each over one connection that is opened when it is first needed and then kept.

    Every method may raise the errors of tuning.ssh (Unreachable, ...), Unavailable when the budget is spent, and
    NotFound for a cluster that the settings no longer name.
    """

    def __init__(
        self,
        clusters: Mapping[str, ClusterSettings],
        connect: Connect = ParamikoTransport,
        *,
        limits: TransferLimits = TransferLimits(),
        pace: ReaderPace = ReaderPace(),
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pace = pace
        """How slowly what is read from here may be taken."""
        self._connections = ClusterConnections(clusters, connect)
        self._now = now
        self._listings = RecentValues[tuple[str, str], Listing](LISTING_SECONDS, MOST_LISTINGS, monotonic)
        self._budgets = {name: TransferBudget(limits, monotonic) for name in clusters}

    def root(self, cluster: str) -> str:
        """Our folder on a cluster."""
        return self._connections.settings(cluster).root

    @contextmanager
    def transfer(self, cluster: str, user_id: str) -> Iterator[Transport]:
        """The transport for one transfer within a person's budget, which is given back when the block ends."""
        transport = self._connections.transport(cluster)
        with self._budgets[cluster].place(user_id):
            yield transport

    def listing(self, cluster: str, folder: str, user_id: str) -> Listing:
        """Files beneath a folder beneath our own, as they were a few seconds ago at most, within a person's budget."""
        known = self._listings.get((cluster, folder))
        if known is None:
            with self.transfer(cluster, user_id) as transport:
                found = list_files(transport, self.root(cluster), folder)
            known = Listing(tuple(map(_listed_file, found.files)), self._now())
            self._listings.put((cluster, folder), known)
        return known

    def of(self, user_id: str) -> "PersonFiles":
        """The files of all clusters, within one person's budget."""
        return PersonFiles(self, user_id)

    def close(self) -> None:
        """End the connections."""
        self._connections.close()


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

    def listing(self, cluster: str, folder: str) -> Listing:
        """The files beneath a folder beneath our own, as they were a few seconds ago at most."""
        return self.files.listing(cluster, folder, self.user_id)

    def read_whole(self, cluster: str, folder: str, paths: Sequence[str], most_bytes: int) -> dict[str, bytes]:
        """The files among these absolute paths beneath a folder of the operator's, in two commands for all.

        What is not there, is no plain file, is empty or larger than `most_bytes` is left out.
        """
        with self.transfer(cluster) as transport:
            sizes = _sizes_of(paths, look_at_files(transport, folder, paths), most_bytes)
            ranges = [FileRange(path, 0, size) for path, size in sizes.items()]
            content = BytesIO(b"".join(send_files(transport, folder, ranges)) if ranges else b"")
        return {path: content.read(size) for path, size in sizes.items()}

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


def _sizes_of(paths: Sequence[str], looks: Sequence[FileLook | None], most_bytes: int) -> dict[str, int]:
    found = {path: look for path, look in zip(paths, looks, strict=True) if look is not None and not look.is_refused}
    return {path: look.size_bytes for path, look in found.items() if 0 < look.size_bytes <= most_bytes}


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


def _listed_file(file: OutputFile) -> RemoteFile:
    return RemoteFile(file.path, file.size_bytes, datetime.fromtimestamp(file.modified_epoch, UTC))


def _remote_file(path: str, folder: str, look: FileLook) -> RemoteFile:
    if look.is_refused:
        message = f"{path} is reached by a link, or is no plain file of its own"
        raise NotAllowed(message, hint="such a file is not served")
    modified_epoch = min(max(0, look.modified_epoch), _LATEST_EPOCH)
    return RemoteFile(f"{folder}/{path}", look.size_bytes, datetime.fromtimestamp(modified_epoch, UTC))
