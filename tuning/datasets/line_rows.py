"""Rows of a file with one JSON object a line. A broken line is one fault; reading goes on behind it."""

from typing import BinaryIO

from tuning.datasets.decoding import decode_exactly, decode_quickly
from tuning.datasets.reasons import Reason
from tuning.datasets.rows import BYTE_ORDER_MARK, MAX_ROW_BYTES, Fault, Row, Rows, why_not_read

_SKIPPED_AT_ONCE_BYTES = 1024 * 1024


def read_line_rows(stream: BinaryIO) -> Rows:
    """The rows of a file; lines of white space are none. Memory is bounded by MAX_ROW_BYTES."""
    number = line = offset = 0
    while raw := stream.readline(MAX_ROW_BYTES + 1):
        line, start, offset = line + 1, offset, offset + len(raw)
        if len(raw) > MAX_ROW_BYTES and not raw.endswith(b"\n"):
            number, offset = number + 1, offset + _skip_rest_of_line(stream)
            yield Fault(number, line, Reason.TOO_LONG, "")
            continue
        if start == 0:
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        if raw.isspace() or not raw:
            continue
        number += 1
        yield _read(raw, number, line, start)


def _skip_rest_of_line(stream: BinaryIO) -> int:
    skipped = 0
    while piece := stream.readline(_SKIPPED_AT_ONCE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _read(raw: bytes, number: int, line: int, start: int) -> Row | Fault:
    value = decode_quickly(raw)
    if value is not None:
        return Row(number, line, start, value)
    try:
        return Row(number, line, start, decode_exactly(raw))
    except UnicodeDecodeError as error:
        detail = f"byte 0x{raw[error.start]:02x} (byte {start + error.start} of the file)"
        return Fault(number, line, Reason.NOT_UTF8, detail)
    except (ValueError, RecursionError) as error:
        return Fault(number, line, *why_not_read(error))
