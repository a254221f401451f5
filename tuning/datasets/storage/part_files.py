"""Parts of uploads on the server's disk: `<upload>/<part>`, each written once, read in any order, removed together."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tuning.datasets.storage.disk_errors import ContentTooLarge, disk_errors
from tuning.errors import Conflict, Finding

_PIECE_BYTES = 1024 * 1024
_GROWING = ".growing"


class PartFiles:
    """The folder of all parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def receive(self, upload_id: str, part_id: str, most_bytes: int) -> "GrowingPart":
        """Begin to take in a part. Raises StorageFull."""
        folder = self._folder / upload_id
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            return GrowingPart(folder / part_id, most_bytes)

    def joined(self, upload_id: str, part_ids: Sequence[str]) -> Iterator[bytes]:
        """The bytes of parts, in this order. Raises Conflict where the upload has expired meanwhile."""
        for part_id in part_ids:
            try:
                with (self._folder / upload_id / part_id).open("rb") as part:
                    while piece := part.read(_PIECE_BYTES):
                        yield piece
            except FileNotFoundError as error:
                raise Conflict(f"the parts of {upload_id} are gone", hint="upload the file again") from error

    def remove_part(self, upload_id: str, part_id: str) -> None:
        """Remove a part; also where it is not there."""
        (self._folder / upload_id / part_id).unlink(missing_ok=True)

    def remove(self, upload_ids: Iterable[str]) -> None:
        """Remove all parts of uploads; also where there are none."""
        for upload_id in upload_ids:
            with suppress(FileNotFoundError):
                shutil.rmtree(self._folder / upload_id)

    def upload_ids(self) -> list[str]:
        """Uploads of which there is a folder."""
        return sorted(path.name for path in self._folder.glob("*"))


class GrowingPart:
    """A part on its way in. As a context manager: unless it was kept, nothing of it is left behind."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._most_bytes = path, most_bytes
        self._growing = path.with_name(path.name + _GROWING)
        self._file = self._growing.open("wb")
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add to its end. Raises ContentTooLarge, StorageFull."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._most_bytes:
            message = f"the part is larger than the {self._most_bytes} bytes that may still come"
            raise ContentTooLarge([Finding(("data",), message, "send smaller parts, and no more than was announced")])
        with disk_errors():
            self._file.write(chunk)

    def keep(self) -> None:
        """Put it, whole, into its place. Raises StorageFull; Conflict where the upload has expired meanwhile."""
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
        try:
            self._growing.rename(self._path)
        except FileNotFoundError as error:
            raise Conflict("the upload has expired meanwhile", hint="upload the file again") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._growing.unlink(missing_ok=True)
        with suppress(OSError):  # closing writes what is buffered, which on a full disk fails once more
            self._file.close()
