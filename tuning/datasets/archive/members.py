"""Members of a tar or zip that somebody sent: listed, held to plain names and bounded sizes, read one by one.

Nothing is unpacked into a folder here: contents are streams, and names are keys. What an archive may bring is a regular
file under a relative name; links, devices, holes and names that climb are refused.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from typing import IO, BinaryIO, Literal

from tuning.errors import Finding, InvalidInput

Archive = Literal["tar", "zip"]
MAX_MEMBERS = 200_000
MAX_NAME_BYTES = 500
_PIECE_BYTES = 256 * 1024
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, NotImplementedError)
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_TAR_MAGIC_AT = 257
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Member:
    """A regular file of an archive."""

    name: str
    """Plain: relative, without `.` and `..`."""
    size_bytes: int


def find_archive(stream: BinaryIO) -> Archive | None:
    """Kind of archive that a seekable file is, by its first bytes; it is left at its start."""
    head = stream.read(_TAR_MAGIC_AT + 5)
    stream.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[_TAR_MAGIC_AT:] == b"ustar" or head.startswith(_COMPRESSED) else None


def list_members(stream: BinaryIO, archive: Archive, most_bytes: int) -> list[Member]:
    """All files of an archive, without what file managers add. Raises InvalidInput for what it may not bring."""
    members: dict[str, Member] = {}
    total = 0
    with _told():
        for member in _tar_listing(stream) if archive == "tar" else _zip_listing(stream):
            if member.name in members:
                raise _refused(f"{member.name!a} is in it twice", "keep one of them")
            members[member.name] = member
            total += member.size_bytes
            if len(members) > MAX_MEMBERS:
                raise _refused(f"more than {MAX_MEMBERS} files", "send it in parts, as several data sets")
            if total > most_bytes:
                raise _refused(f"its files have more than {most_bytes} bytes together", "send it in parts")
    return [member for member in members.values() if not _is_litter(member.name)]


def read_members(
    stream: BinaryIO, archive: Archive, names: frozenset[str]
) -> Generator[tuple[Member, Iterator[bytes]], None, None]:
    """These files in the order of the archive, each with its pieces, to be read before the next. Raises InvalidInput.

    Each has the size that `list_members` said: what holds another is refused.
    """
    with _told():
        for member, content in _tar_files(stream) if archive == "tar" else _zip_files(stream):
            if member.name in names:
                yield member, _pieces(member, content)


def _pieces(member: Member, content: IO[bytes]) -> Iterator[bytes]:
    left = member.size_bytes
    with _told():
        while piece := content.read(min(_PIECE_BYTES, left + 1)):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise _refused(f"{member.name!a} is not as long as the archive says", "make the archive anew")


def _tar_listing(stream: BinaryIO) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        for info in tar:
            if (member := _tar_member(info)) is not None:
                yield member


def _tar_files(stream: BinaryIO) -> Iterator[tuple[Member, IO[bytes]]]:
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        for info in tar:
            member = _tar_member(info)
            content = tar.extractfile(info) if member is not None else None
            if member is not None and content is not None:
                yield member, content


def _tar_member(info: tarfile.TarInfo) -> Member | None:
    if info.isdir():
        return None
    if not info.isreg() or info.issparse():
        raise _refused(f"{info.name[:200]!a} is no regular file", "put the files themselves in, not links to them")
    return Member(_plain(info.name), info.size)


def _zip_listing(stream: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as packed:
        for info in packed.infolist():
            if (member := _zip_member(info)) is not None:
                yield member


def _zip_files(stream: BinaryIO) -> Iterator[tuple[Member, IO[bytes]]]:
    with zipfile.ZipFile(stream) as packed:
        for info in packed.infolist():
            if (member := _zip_member(info)) is not None:
                with packed.open(info) as content:
                    yield member, content


def _zip_member(info: zipfile.ZipInfo) -> Member | None:
    if info.is_dir():
        return None
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise _refused(f"{info.filename[:200]!a} is no regular file", "put the files themselves in, not links to them")
    if info.flag_bits & 0x1:
        raise _refused(f"{info.filename[:200]!a} is encrypted", "make the archive without a password")
    return Member(_plain(info.filename), info.file_size)


def _plain(name: str) -> str:
    """Name without `./`. Raises InvalidInput for one that leads out of the archive, or that is no name."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    plain = "/".join(parts)
    if name.startswith("/") or ".." in parts or "\\" in name:
        raise _refused(f"{name[:200]!a} leads out of the archive", "use relative names without '..'")
    if not parts or not plain.isprintable() or len(plain.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        hint = f"use printable names of at most {MAX_NAME_BYTES} bytes, in UTF-8"
        raise _refused(f"{name[:200]!a} is no name of a file", hint)
    return plain


def _is_litter(name: str) -> bool:
    return any(part in _LITTER or part.startswith("._") for part in name.split("/"))


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the readers of archives, as a finding."""
    try:
        yield
    except tarfile.ReadError as error:
        hint = "send rows as they are, not compressed; or a tar or zip of rows with their media"
        raise _refused(f"it holds no tar that can be read: {str(error).splitlines()[0][:200]}", hint) from error
    except _BROKEN as error:
        raise _refused(f"it cannot be read: {str(error)[:200]}", "make the archive anew") from error
    except RuntimeError as error:  # zipfile's word for what it cannot decrypt or unpack
        raise _refused(f"it cannot be unpacked: {str(error)[:200]}", "make the archive anew") from error


def _refused(message: str, hint: str) -> InvalidInput:
    return InvalidInput([Finding(("file",), f"the archive: {message}", hint)])
