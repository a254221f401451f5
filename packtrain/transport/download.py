"""Files from the server onto this disk: inside the target folder whatever they are called, whole or not at all."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import httpx

from packtrain.errors import BrokenTransfer, ServerUnreachable, UnsafePath
from packtrain.schema import Artifact

OnBytes = Callable[[str, int], None]
"""Hears which file is at which position, in bytes."""
OpenAt = Callable[[int], AbstractContextManager[httpx.Response]]
"""Asks for the bytes of a file from an offset on."""
_CHECKPOINT = re.compile(r"checkpoint-\d+/")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_NAME_BYTES = 200
"""Of the file's own name in that of its part: file systems allow 255 in all."""
ATTEMPTS = 5


def wanted(files: Iterable[Artifact], *, checkpoints: bool) -> list[Artifact]:
    """The files to fetch: all, or all but those of the checkpoints."""
    return [file for file in files if checkpoints or not _CHECKPOINT.match(file["path"])]


def local_path(folder: Path, name: str) -> Path:
    """Local path of a server's file. Raises UnsafePath for an unsafe name, or a path out of the folder, links too."""
    parts = name.split("/")
    if _UNWRITABLE.search(name) or any(part in ("", ".", "..") for part in parts) or PurePosixPath(name).is_absolute():
        raise UnsafePath(
            f"the server names a file {name!r}, which cannot be written safely: nothing was written for it"
        )
    target = folder.joinpath(*parts)
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UnsafePath(
            f"{target} leads out of {folder} by a symbolic link: not followed", hint="choose an empty folder (--to)"
        )
    return target


@dataclass(frozen=True)
class PartFile:
    """A file on its way: `part` beside `target` until it is whole; its name says which version it is a part of."""

    file: Artifact
    target: Path
    part: Path
    changed_at: float
    """Seconds since 1970, by the server."""

    @classmethod
    def of(cls, file: Artifact, folder: Path) -> "PartFile":
        """The part file of a file of the server's; the folders above it are made. Raises UnsafePath."""
        target = local_path(folder, file["path"])
        # Python 3.10 reads no "Z".
        changed_at = datetime.fromisoformat(file["modified_at"].replace("Z", "+00:00")).timestamp()
        target.parent.mkdir(parents=True, exist_ok=True)
        name = target.name.encode()[:_NAME_BYTES].decode(errors="ignore")
        part = target.with_name(f".{name}.{file['size_bytes']}-{changed_at:.0f}.part")
        return cls(file, target, part, changed_at)

    def is_there(self) -> bool:
        """Whether the whole file of this size and time is there."""
        if not self.target.is_file():
            return False
        found = self.target.stat()
        return found.st_size == self.file["size_bytes"] and int(found.st_mtime) == int(self.changed_at)

    def is_whole(self) -> bool:
        """Whether all bytes of it have come."""
        return 0 < self.file["size_bytes"] == self._size()

    def offset(self) -> int:
        """From where on the rest is to be asked for."""
        size = self._size()
        return size if size < self.file["size_bytes"] else 0

    def begin(self, answer: httpx.Response, offset: int) -> BinaryIO:
        """The open part, at the place where this answer begins. Raises BrokenTransfer for another range."""
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            return open_part(self.part, 0)
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise BrokenTransfer(f"the server sent another range of {self.file['path']} than was asked for")
        return open_part(self.part, offset)

    def finish(self) -> Path:
        """Give it its name. Raises BrokenTransfer when it is not as long as it should be."""
        size = self.part.stat().st_size
        if size != self.file["size_bytes"]:
            self.part.unlink()
            message = f"{self.file['path']} has {size} bytes instead of {self.file['size_bytes']}"
            raise BrokenTransfer(message, hint="fetch it again")
        os.utime(self.part, (self.changed_at, self.changed_at))
        return self.part.replace(self.target)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() and not self.part.is_symlink() else 0


def open_part(part: Path, offset: int) -> BinaryIO:
    """A part to write on from an offset, 0 = anew; never through a symbolic link where the system can tell."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if offset else os.O_TRUNC)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)  # POSIX has the first, Windows the second
    return os.fdopen(os.open(part, flags, 0o666), "ab" if offset else "wb")


@contextmanager
def on_this_disk(target: Path) -> Iterator[None]:
    """Raises BrokenTransfer for what the disk refuses meanwhile: it is full, or the folder is somebody else's."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "what has come stays where it is: make room or choose another folder (--to), and fetch it again"
        raise BrokenTransfer(f"cannot write {error.filename or target}: {reason}", hint=hint) from error


def download_file(open_at: OpenAt, file: Artifact, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Fetch one file; a part left by an earlier try is continued, a whole one of the same size and time stays.

    Raises UnsafePath, BrokenTransfer, ServerUnreachable.
    """
    with on_this_disk(folder):
        target = PartFile.of(file, folder)
        if target.is_there():
            return target.target
        for left in reversed(range(ATTEMPTS)):
            try:
                _continue(open_at, target, on_bytes)
                break
            except ServerUnreachable:
                if left == 0:
                    raise
        return target.finish()


def download_archive(
    response: AbstractContextManager[httpx.Response], target: Path, on_bytes: OnBytes | None = None
) -> Path:
    """Write a stream of unknown length to a file; on any break nothing stands under the final name."""
    part = archive_part(target)
    with on_this_disk(part):
        target.parent.mkdir(parents=True, exist_ok=True)
        with response as answer, open_part(part, 0) as sink:
            _write(answer, sink, target.name, on_bytes)
        return part.replace(target)


def archive_part(target: Path) -> Path:
    """The path at which an archive is written until it is whole."""
    return target.with_name(f".{target.name}.part")


def _continue(open_at: OpenAt, target: PartFile, on_bytes: OnBytes | None) -> None:
    if target.is_whole():
        return
    offset = target.offset()
    with open_at(offset) as answer, target.begin(answer, offset) as sink:
        _write(answer, sink, target.file["path"], on_bytes)


def _write(answer: httpx.Response, sink: BinaryIO, name: str, on_bytes: OnBytes | None) -> None:
    for piece in answer.iter_raw():
        sink.write(piece)
        if on_bytes is not None:
            on_bytes(name, sink.tell())
