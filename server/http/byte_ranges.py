"""The Range header of RFC 9110 section 14: one range of bytes. Pure."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


@dataclass(frozen=True)
class ByteRange:
    """Bytes `start` up to and without `stop` of a file of `size` bytes."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """Value of the Content-Range header."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


class RangeNotSatisfiable(ValueError):
    """No byte of the file lies in the range that was asked for (416)."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range that a header asks for; None where the whole file is to be sent.

    That is so without a header, and for forms that a server may ignore: several ranges, other units, bad syntax.
    Raises RangeNotSatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None  # bad syntax, says the RFC
    if start >= stop:
        raise RangeNotSatisfiable
    return ByteRange(start, stop, size)
