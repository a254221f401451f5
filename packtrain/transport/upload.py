"""Sending a file while somebody counts."""

from collections.abc import Callable
from typing import BinaryIO


class CountedFile:
    """A file for httpx to stream, which tells of every piece that is read from it."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], None] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        piece = self._file.read(size)
        if self._on_bytes is not None:
            self._on_bytes(len(piece))
        return piece

    def fileno(self) -> int:
        """httpx asks the descriptor for the size."""
        return self._file.fileno()
