"""Files from the server onto this disk: inside the target folder whatever they are called, whole or not at all."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path, PurePosixPath

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
_ATTEMPTS = 5


def wanted(files: Iterable[Artifact], *, checkpoints: bool) -> list[Artifact]:
    """The files to fetch: all, or all but those of the checkpoints."""
    return [file for file in files if checkpoints or not _CHECKPOINT.match(file["path"])]


def local_path(folder: Path, name: str) -> Path:
    """Where a file of the server's goes. Raises UnsafePath for one that would leave the folder, also through a link."""
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


def download_file(open_at: OpenAt, file: Artifact, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Fetch one file; a part left by an earlier try is continued, a whole one of the same size and time stays.

    Raises UnsafePath, BrokenTransfer, ServerUnreachable.
    """
    target = local_path(folder, file["path"])
    changed_at = datetime.fromisoformat(file["modified_at"]).timestamp()
    if _is_there(target, file, changed_at):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name says which version it is a part of: a file that changed on the server is begun anew.
    name = target.name.encode()[:_NAME_BYTES].decode(errors="ignore")
    part = target.with_name(f".{name}.{file['size_bytes']}-{changed_at:.0f}.part")
    for left in reversed(range(_ATTEMPTS)):
        try:
            _continue(open_at, file, part, on_bytes)
            break
        except ServerUnreachable:
            if left == 0:
                raise
    size = part.stat().st_size
    if size != file["size_bytes"]:
        part.unlink()
        raise BrokenTransfer(f"{file['path']} has {size} bytes instead of {file['size_bytes']}", hint="fetch it again")
    os.utime(part, (changed_at, changed_at))
    return part.replace(target)


def download_archive(
    response: AbstractContextManager[httpx.Response], target: Path, on_bytes: OnBytes | None = None
) -> Path:
    """Write a stream of unknown length to a file; on any break nothing stands under the final name."""
    part = target.with_name(f".{target.name}.part")
    with response as answer:
        _write(answer, part, 0, lambda position: on_bytes(target.name, position) if on_bytes else None)
    return part.replace(target)


def _continue(open_at: OpenAt, file: Artifact, part: Path, on_bytes: OnBytes | None) -> None:
    offset = part.stat().st_size if part.is_file() and not part.is_symlink() else 0
    if offset == file["size_bytes"] > 0:
        return
    offset = offset if offset < file["size_bytes"] else 0
    with open_at(offset) as answer:
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            offset = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise BrokenTransfer(f"the server sent another range of {file['path']} than was asked for")
        _write(answer, part, offset, lambda position: on_bytes(file["path"], position) if on_bytes else None)


def _write(answer: httpx.Response, part: Path, offset: int, on_position: Callable[[int], None]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if offset else os.O_TRUNC)
    with os.fdopen(os.open(part, flags, 0o666), "ab" if offset else "wb") as sink:
        for piece in answer.iter_raw():
            sink.write(piece)
            on_position(sink.tell())


def _is_there(target: Path, file: Artifact, changed_at: float) -> bool:
    if not target.is_file():
        return False
    found = target.stat()
    return found.st_size == file["size_bytes"] and int(found.st_mtime) == int(changed_at)
