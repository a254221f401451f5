"""Rows of a file that is one JSON array, read piece by piece. At the first broken element reading ends."""

import codecs
import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, BinaryIO

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.read.rows import (
    MAX_ROW_BYTES,
    Fault,
    RefusedJson,
    Row,
    Rows,
    read_constant,
    refuse_lone_surrogate,
    why_not_read,
)

_READ_BYTES = 256 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")


def read_array_rows(stream: BinaryIO) -> Rows:
    """The rows of an array. Memory is bounded by a few times MAX_ROW_BYTES, whatever the file's size."""
    number, text = 0, _Text(stream)
    try:
        text.take("[")
        more = text.next_character() != "]"
        while more:
            number += 1
            text.next_character()
            yield Row(number, text.line(), 0, text.take_value())
            more = text.next_character() == ","
            text.take("," if more else "]")
        if number == 0:
            text.take("]")
        text.take_end()
    except _BrokenArrayError as error:
        yield Fault(max(number, 1), error.line, error.reason, error.detail)


class _BrokenArrayError(Exception):
    def __init__(self, line: int, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.line, self.reason, self.detail = line, reason, detail


class _Text:
    """A window on a long text: it grows at its end, and what was taken is cut off at its start."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._window, self._position, self._ended = "", 0, False
        self._line, self._counted = 1, 0
        self._columns_cut = 0  # characters of the window's first line that were cut off
        self._bytes_read = 0

    def line(self) -> int:
        """The line of the position."""
        return self._line_at(self._position)

    def next_character(self) -> str:
        """What stands behind the white space, which is skipped; empty at the end."""
        while True:
            matched = _SPACE.match(self._window, self._position)
            self._position = matched.end() if matched else self._position
            if self._position < len(self._window) or self._ended:
                return self._window[self._position : self._position + 1]
            self._grow()

    def take(self, character: str) -> None:
        """Go behind this character. Raises _BrokenArrayError when there is another one."""
        found = self.next_character()
        if found == "\ufeff":
            raise self._broken(JSONDecodeError("a byte order mark before the array", self._window, self._position))
        if found != character:
            raise self._broken(JSONDecodeError(f"expected {character!r}", self._window, self._position))
        self._position += 1

    def take_end(self) -> None:
        """Raises _BrokenArrayError when the text goes on."""
        if self.next_character():
            raise self._broken(JSONDecodeError("more text behind the array", self._window, self._position))

    def take_value(self) -> Any:
        """Decode the value at the position and go behind it; the window grows until all of it is there."""
        complaint: tuple[str, int] | None = None
        while True:
            try:
                value, end = _decoder.raw_decode(self._window, self._position)
                if end < len(self._window) or self._ended:
                    refuse_lone_surrogate(self._window[self._position : end], value)
                    self._position = end
                    return value
            except JSONDecodeError as error:
                earlier, complaint = complaint, (error.msg, error.pos - self._position)
                # A text that is only not whole yet is complained of at its end, but for strings; so at another place.
                if self._ended or (complaint == earlier and not error.msg.startswith("Unterminated")):
                    raise self._broken(error) from error
            except (ValueError, RecursionError) as error:
                raise self._broken(error) from error
            if len(self._window) - self._position > MAX_ROW_BYTES:
                raise _BrokenArrayError(self.line(), Reason.TOO_LONG, "")
            self._grow()

    def _grow(self) -> None:
        """Cut what was taken and read as much again as is left, so that a long value is not decoded too often."""
        self._line_at(self._position)
        newline = self._window.rfind("\n", 0, self._position)
        self._columns_cut = self._position - newline - 1 + (self._columns_cut if newline < 0 else 0)
        left = self._window[self._position :]
        raw = self._stream.read(max(_READ_BYTES, len(left)))
        self._window, self._position, self._counted = left, 0, 0
        self._window += self._decode(raw)
        self._ended = not raw

    def _decode(self, raw: bytes) -> str:
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            held_back = len(error.object) - len(raw)
            offset = self._bytes_read - held_back + error.start
            detail = f"byte 0x{error.object[error.start]:02x} (byte {offset} of the file)"
            line = self._line_at(len(self._window)) + error.object.count(b"\n", 0, error.start)
            raise _BrokenArrayError(line, Reason.NOT_UTF8, detail) from error
        self._bytes_read += len(raw)
        return text

    def _line_at(self, position: int) -> int:
        """The line of a position that is not before the last one that was asked for."""
        self._line += self._window.count("\n", self._counted, position)
        self._counted = position
        return self._line

    def _broken(self, error: ValueError | RecursionError) -> _BrokenArrayError:
        position = error.pos if isinstance(error, JSONDecodeError) else self._position
        columns_cut = 0 if "\n" in self._window[:position] else self._columns_cut
        return _BrokenArrayError(self._line_at(position), *why_not_read(error, columns_cut))


def _int_of_64_bits(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise RefusedJson(Reason.BROKEN_JSON, "a number of more than 64 bits, which pandas does not read in an array")
    return number


_decoder = JSONDecoder(parse_constant=read_constant, parse_int=_int_of_64_bits)
