"""Rows of a file with one JSON object a line. A broken line is one fault; reading goes on behind it."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.read.decoding import decode_exactly, decode_quickly
from tuning.datasets.check.read.rows import BYTE_ORDER_MARK, MAX_ROW_BYTES, Fault, Row, Rows, why_not_read

BLOCK_BYTES = 256 * 1024
_SKIPPED_AT_ONCE_BYTES = 1024 * 1024


class Place(NamedTuple):
    """So much of a file has been read."""

    rows: int = 0
    lines: int = 0
    bytes: int = 0


class Block(NamedTuple):
    """Some whole lines of a file."""

    content: bytes
    size: int
    """The bytes of the file that it stands for."""

    def behind(self, place: Place, rows: int) -> Place:
        """The place at the end of this block when it begins at `place`; `rows` were read by then."""
        lines = self.content.count(b"\n") + (not self.content.endswith(b"\n"))
        return Place(rows, place.lines + lines, place.bytes + self.size)


def read_line_rows(stream: BinaryIO, start: Place = Place()) -> Rows:
    """The rows of a file, or of a part of it that starts there; lines of white space are none.

    Memory is bounded by MAX_ROW_BYTES.
    """
    number, line, offset = start
    while raw := stream.readline(MAX_ROW_BYTES + 1):
        line, begin, offset = line + 1, offset, offset + len(raw)
        if len(raw) > MAX_ROW_BYTES and not raw.endswith(b"\n"):
            number, offset = number + 1, offset + _skip_rest_of_line(stream)
            yield Fault(number, line, Reason.TOO_LONG, "")
            continue
        if begin == 0:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        if raw.isspace() or not raw:
            continue
        number += 1
        yield _read(raw, number, line, begin)


def read_blocks(stream: BinaryIO) -> Iterator[Block]:
    """The file in pieces of whole lines: read_line_rows finds in them, one after the other, what it finds in the file.

    Of a line that is too long no more is kept than shows it. Memory is bounded by MAX_ROW_BYTES.
    """
    while content := stream.read(BLOCK_BYTES):
        begun = len(content) - content.rfind(b"\n") - 1
        content += stream.readline(MAX_ROW_BYTES + 1 - begun) if begun else b""
        skipped = 0 if content.endswith(b"\n") else _skip_rest_of_line(stream)
        yield Block(content, len(content) + skipped)


def _skip_rest_of_line(stream: BinaryIO) -> int:
    skipped = 0
    while piece := stream.readline(_SKIPPED_AT_ONCE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _read(raw: bytes, number: int, line: int, begin: int) -> Row | Fault:
    value = decode_quickly(raw)
    if value is not None:
        return Row(number, line, begin, value)
    try:
        # without its end: of a row that breaks off there, the column would be one of a line behind it
        return Row(number, line, begin, decode_exactly(raw.removesuffix(b"\n")))
    except UnicodeDecodeError as error:
        detail = f"byte 0x{raw[error.start]:02x} (byte {begin + error.start} of the file)"
        return Fault(number, line, Reason.NOT_UTF8, detail)
    except (ValueError, RecursionError) as error:
        return Fault(number, line, *why_not_read(error))
