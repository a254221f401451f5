"""Archive (a plain tar) of rows and their media, as they are kept, staged and handed to jobs; made here alone.

Made anew from what was checked, it holds regular files under plain names alone, so that a node unpacks it as it is.
"""

import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from tuning.datasets.archive.members import Archive, read_members
from tuning.datasets.archive.placing import Placing

FOLDER = "media"
"""Beneath a job's folder of data; in it each archive has a folder of its own."""
_ROWS_FILE = "rows.jsonl"
_BLOCK = 512
_PIECE_BYTES = 256 * 1024


def folder_of(archive_sha256: str) -> str:
    """The folder of the files of an archive."""
    return f"{FOLDER}/{archive_sha256[:16]}"


def rows_path(folder: str) -> str:
    """The rows' file, beneath a job's folder of data."""
    return f"{folder}/{_ROWS_FILE}"


def packed(stream: BinaryIO, archive: Archive, lines: str, placing: Placing) -> Iterator[bytes]:
    """The tar, in pieces: the rows from the file `lines`, and all media of the archive. Raises InvalidInput."""
    with Path(lines).open("rb") as rows:
        size = rows.seek(0, 2)
        rows.seek(0)
        yield from _entry(rows_path(placing.folder), size, iter(lambda: rows.read(_PIECE_BYTES), b""))
    with closing(read_members(stream, archive, placing.media)) as members:
        for member, content in members:
            yield from _entry(f"{placing.folder}/{member.name}", member.size_bytes, content)
    yield b"\0" * (2 * _BLOCK)


def _entry(name: str, size: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """Nothing of the sender's in it but name and content: the same files make the same tar."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    yield from content
    yield b"\0" * (-size % _BLOCK)
