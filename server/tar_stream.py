"""A tar file whose size is known before its first byte, made while it is sent. Pure but for the bytes it is given."""

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    """How many bytes the archive has."""
    return sum(len(_header(member)) + member.size_bytes + _padding(member) for member in members) + len(_END)


def archive(members: Sequence[Member], read: Callable[[Member], Iterator[bytes]]) -> Iterator[bytes]:
    """The archive in pieces. `read` must give exactly as many bytes as the member says, or raise."""
    for member in members:
        yield _header(member)
        yield from read(member)
        if padding := _padding(member):
            yield bytes(padding)
    yield _END


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mode, info.mtime = member.size_bytes, 0o644, int(member.modified_at.timestamp())
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(member: Member) -> int:
    return -member.size_bytes % _BLOCK
