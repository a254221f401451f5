"""Whole files over an SFTP session: written whole or not at all."""

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

BLOCK_BYTES = 255 * 1024


class Attributes(Protocol):
    """Attributes of a file, as a server tells them."""

    st_size: int | None


class SftpFile(Protocol):
    """An open file; the attributes are paramiko's."""

    def set_pipelined(self, pipelined: bool = True) -> None: ...
    def write(self, data: bytes) -> None: ...
    def chmod(self, mode: int) -> None: ...
    def close(self) -> None: ...


class SftpSession(Protocol):
    """A session with a file server."""

    def open(self, filename: str, mode: str) -> SftpFile: ...
    def stat(self, path: str) -> Attributes: ...
    def mkdir(self, path: str) -> None: ...


def upload(sftp: SftpSession, content: BinaryIO, path: str, mode: int) -> None:
    """Write a new file, its folders if need be. Raises OSError."""
    with closing(_create(sftp, path)) as file:
        file.set_pipelined(True)
        written = 0
        for block, following in pairwise(_blocks(content)):
            # Behind the last block every answer is waited for, and a refused one of an earlier block raises here.
            file.set_pipelined(bool(following))
            file.write(block)
            written += len(block)
        file.chmod(mode)
    size = sftp.stat(path).st_size
    if size != written:
        raise OSError(f"{size} of {written} bytes arrived")


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    """The blocks of a file and an empty one behind them."""
    while block := content.read(BLOCK_BYTES):
        yield block
    yield b""


def _create(sftp: SftpSession, path: str) -> SftpFile:
    try:
        return sftp.open(path, "wx")
    except FileNotFoundError:
        for folder in reversed(PurePosixPath(path).parents):
            _make_folder(sftp, str(folder))
        return sftp.open(path, "wx")


def _make_folder(sftp: SftpSession, path: str) -> None:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        try:
            sftp.mkdir(path)
        except OSError:
            sftp.stat(path)  # somebody else may just have made it
