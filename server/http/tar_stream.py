"""A tar file whose size is known before its first byte, made while it is sent. Pure but for the bytes it is given."""

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from tuning.errors import RemoteFileError

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True)
class Member:
    """A file to be in the archive."""

    name: str
    size_bytes: int
    modified_at: datetime
    path: str
    """Where its bytes are read."""


def archive_size(members: Sequence[Member]) -> int:
    """Size of the archive in bytes."""
    return sum(len(_header(member)) + member.size_bytes + _padding(member) for member in members) + len(_END)


def archive(members: Sequence[Member], contents: Iterator[bytes]) -> Iterator[bytes]:
    """The archive in pieces, of the members' bytes one behind the other. It begins to read now, as `exactly` does.

    Raises RemoteFileError where they are fewer than the members say.
    """
    first = next(contents, b"")
    return _archive(members, chain([first], contents))


def _archive(members: Sequence[Member], contents: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for member in members:
        yield _header(member)
        missing = member.size_bytes
        while missing > 0:
            left = left or _next_of(contents, member)
            piece, left = left[:missing], left[missing:]
            missing -= len(piece)
            yield piece
        if padding := _padding(member):
            yield bytes(padding)
    yield _END


def _next_of(contents: Iterator[bytes], member: Member) -> bytes:
    for chunk in contents:
        if chunk:
            return chunk
    raise RemoteFileError(f"{member.name} changed while it was read")


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mode, info.mtime = member.size_bytes, 0o644, int(member.modified_at.timestamp())
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(member: Member) -> int:
    return -member.size_bytes % _BLOCK
