"""Files from the server onto this disk, asynchronous: as packtrain.transport.download."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO

import httpx

from packtrain.errors import ServerUnreachable
from packtrain.schema import Artifact
from packtrain.transport.download import ATTEMPTS, OnBytes, PartFile, archive_part, on_this_disk, open_part

OpenAt = Callable[[int], AbstractAsyncContextManager[httpx.Response]]
"""Asks for the bytes of a file from an offset on."""


async def download_file(open_at: OpenAt, file: Artifact, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Fetch one file; a part left by an earlier try is continued, a whole one of the same size and time stays.

    Raises UnsafePath, BrokenTransfer, ServerUnreachable.
    """
    with on_this_disk(folder):
        target = PartFile.of(file, folder)
        if target.is_there():
            return target.target
        for left in reversed(range(ATTEMPTS)):
            try:
                await _continue(open_at, target, on_bytes)
                break
            except ServerUnreachable:
                if left == 0:
                    raise
        return target.finish()


async def download_archive(
    response: AbstractAsyncContextManager[httpx.Response], target: Path, on_bytes: OnBytes | None = None
) -> Path:
    """Write a stream of unknown length to a file; on any break nothing stands under the final name."""
    part = archive_part(target)
    with on_this_disk(part):
        target.parent.mkdir(parents=True, exist_ok=True)
        async with response as answer:
            with open_part(part, 0) as sink:
                await _write(answer, sink, target.name, on_bytes)
        return part.replace(target)


async def _continue(open_at: OpenAt, target: PartFile, on_bytes: OnBytes | None) -> None:
    if target.is_whole():
        return
    offset = target.offset()
    async with open_at(offset) as answer:
        with target.begin(answer, offset) as sink:
            await _write(answer, sink, target.file["path"], on_bytes)


async def _write(answer: httpx.Response, sink: BinaryIO, name: str, on_bytes: OnBytes | None) -> None:
    async for piece in answer.aiter_raw():
        sink.write(piece)
        if on_bytes is not None:
            on_bytes(name, sink.tell())
