"""Contents by their SHA-256, on the server's disk: written once, never changed, the same bytes kept once.

A file grows in incoming/ under a lock, and is renamed to its place when it is whole and on the disk. What a broken-off
upload leaves is removed at once; what a killed process leaves has no lock any more, and goes with the next upload.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple, Self, get_args

from tuning.datasets.storage.disk_errors import ContentTooLarge, disk_errors
from tuning.datasets.storage.part_files import PartFiles
from tuning.errors import Finding, StorageFull

Extension = Literal["json", "jsonl", "tar"]
"""A JSON array, JSON lines, or rows packed with their media (tuning.datasets.archive.packing)."""
EXTENSIONS: tuple[Extension, ...] = get_args(Extension)
HOW_TO_MAKE_ROOM = (
    "delete data sets that you no longer need (GET /datasets has their size_bytes), or ask the operator for more room"
)


@dataclass(frozen=True)
class StoredContent:
    """A content that is whole and on the disk."""

    sha256: str
    size_bytes: int


class ContentName(NamedTuple):
    """Name of a content's file: its SHA-256 and extension."""

    sha256: str
    extension: str


class ContentStore:
    """The folder of all contents: `ab/cdef....jsonl` for the content whose SHA-256 is abcdef...."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    def path(self, sha256: str, extension: str) -> Path:
        """Path of a content's file."""
        return self._folder / sha256[:2] / f"{sha256[2:]}.{extension}"

    @property
    def max_bytes(self) -> int:
        """Of one content."""
        return self._max_bytes

    def parts(self) -> PartFiles:
        """Parts of files that arrive in several requests."""
        return PartFiles(self._folder / "incoming" / "parts")

    def receive(self, room_bytes: int | None = None) -> "Incoming":
        """Begin to take in a content, for which its owner has so much room. Raises StorageFull."""
        incoming = self._folder / "incoming"
        with disk_errors():
            incoming.mkdir(parents=True, exist_ok=True)
            with self.locked():
                _remove_abandoned(incoming)
                return Incoming(self, _create_locked(incoming), self._max_bytes, room_bytes)

    def untouched_since(self, moment: datetime) -> Iterator[ContentName]:
        """The contents that were last uploaded before."""
        for path in self._folder.glob("??/*"):
            if path.stat().st_mtime < moment.timestamp():
                yield ContentName(path.parent.name + path.stem, path.suffix.removeprefix("."))

    def remove_untouched(self, content: ContentName, moment: datetime) -> bool:
        """Remove it, unless it was uploaded again since the moment; an upload finds it whole or not at all."""
        path = self.path(*content)
        with self.locked():
            untouched = path.exists() and path.stat().st_mtime < moment.timestamp()
            if untouched:
                path.unlink()
        return untouched

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock of the store, for all processes on this disk: no content is put in its place or removed meanwhile."""
        with _locked(self._folder / "incoming" / ".lock"):
            yield


class Incoming:
    """A content on its way in. As a context manager: unless it was kept, nothing of it is left behind."""

    def __init__(
        self, store: ContentStore, created: tuple[BinaryIO, Path], max_bytes: int, room_bytes: int | None = None
    ) -> None:
        self._store = store
        self.max_bytes, self.room_bytes = max_bytes, room_bytes
        """How much more its owner may keep; None = any amount."""
        self._file, self._path = created
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add to its end. Raises ContentTooLarge, StorageFull."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self.max_bytes:
            message = f"the file is larger than the limit of {self.max_bytes} bytes"
            raise ContentTooLarge([Finding(("file",), message, "split it, or ask the operator to raise the limit")])
        if self.room_bytes is not None and self.size_bytes > self.room_bytes:
            message = (
                f"as it is kept the file is larger than the {self.room_bytes} bytes that your uploads may still keep"
            )
            raise StorageFull(message, hint=HOW_TO_MAKE_ROOM)
        self._sha256.update(chunk)
        with disk_errors():
            self._file.write(chunk)

    @property
    def sha256(self) -> str:
        """Of all that was written so far."""
        return self._sha256.hexdigest()

    def open(self) -> BinaryIO:
        """Bytes that were written so far, to be read from their start. Raises StorageFull."""
        with disk_errors():
            self._file.flush()
        return self._path.open("rb", buffering=1024 * 1024)

    def keep(self, extension: Extension) -> StoredContent:
        """Put it, whole and durable, into its place; where the same content is, nothing changes. Raises StorageFull."""
        content = StoredContent(self.sha256, self.size_bytes)
        place = self._store.path(content.sha256, extension)
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            place.parent.mkdir(exist_ok=True)
            with self._store.locked():
                self._settle(place)
        return content

    def _settle(self, place: Path) -> None:
        if place.exists():
            place.touch()  # it is needed again: see ContentStore.remove_untouched
        else:
            self._path.rename(place)
            place.touch()
            _sync_folder(place.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        # Closing writes what is buffered, which on a full disk fails once more; the file is gone, and its error told.
        with suppress(OSError):
            self._file.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create_locked(folder: Path) -> tuple[BinaryIO, Path]:
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return os.fdopen(descriptor, "wb", buffering=1024 * 1024), Path(name)


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as part:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
