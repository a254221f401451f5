"""Rows of a data file, or the problem that stands in place of a row.

The standard library's decoder is used for both encodings: it is in C, says where it stopped, and (unlike the fast
event parsers, which hold any value whole and have no line or column) lets us bound what one row may take.
"""

import math
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, BinaryIO, Literal, NamedTuple

from tuning.datasets.check.issues import Reason

MAX_ROW_BYTES = 16 * 1024 * 1024
"""Ours: a longer row is a mistake (a file without line ends), and what is held in memory has to have a bound."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Encoding = Literal["json", "jsonl"]
"""One JSON array, or one JSON object a line. It is also the extension under which the file is kept."""


class Row(NamedTuple):
    """A value that was read, and where it stood."""

    number: int
    """Counts the rows from 1."""
    line: int
    """The line on which it begins, from 1."""
    offset: int
    """Bytes from the start of the file to its line; 0 in an array, which LLaMA-Factory reads in one piece."""
    value: Any


class Fault(NamedTuple):
    """Problem that stands in place of a row."""

    number: int
    line: int
    reason: Reason
    detail: str


Rows = Iterator[Row | Fault]


class RefusedJson(ValueError):
    """JSON that Python's decoder would take and LLaMA-Factory's would not."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def find_encoding(stream: BinaryIO) -> Encoding:
    """Encoding of a seekable file, by its first character that is no white space; it is left at its start."""
    head = stream.read(64 * 1024)
    stream.seek(0)
    return "json" if head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"[") else "jsonl"


def read_constant(name: str) -> Any:
    """For the decoder's `parse_constant`: NaN, which pandas writes and LLaMA-Factory's readers take; no infinity."""
    if name == "NaN":
        return math.nan
    raise RefusedJson(Reason.BROKEN_JSON, f"{name} is no JSON")


def refuse_lone_surrogate(text: str, value: Any) -> None:
    r"""Raise RefusedJson when a `\ud800` stands alone: no tokenizer takes such a string."""
    if ("\\ud" in text or "\\uD" in text) and _holds_surrogate(value):
        raise RefusedJson(Reason.LONE_SURROGATE, "")


def why_not_read(error: ValueError | RecursionError, column_offset: int = 0) -> tuple[Reason, str]:
    """The reason and the detail for what the decoder raised; `column_offset` is added to its column."""
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP, ""
    if isinstance(error, RefusedJson):
        return error.reason, str(error)
    if isinstance(error, JSONDecodeError):
        return Reason.BROKEN_JSON, f"column {column_offset + error.colno}: {error.msg}"
    return Reason.BROKEN_JSON, str(error)


def _holds_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_holds_surrogate(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_holds_surrogate(part) for part in value)
