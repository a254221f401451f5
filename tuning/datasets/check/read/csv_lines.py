"""CSV with a header, as JSON lines: every cell is a text, an empty cell the empty one."""

import csv
import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO

from tuning.datasets.check.layouts.columns import shown_name
from tuning.datasets.check.read.rows import BYTE_ORDER_MARK, MAX_ROW_BYTES
from tuning.errors import Finding, InvalidInput

DELIMITERS = (",", "\t", ";")
MAX_COLUMNS = 1000
MAX_NAME_CHARACTERS = 200
_FINDINGS_SHOWN = 20
_QUOTING_HINT = 'put cells with line ends, quotes or separators into quotes, and write a quote in them as ""'


def csv_lines(stream: BinaryIO) -> Generator[bytes, None, None]:
    """One line for each row of a seekable file; lines without a cell are none. Memory is bounded by MAX_ROW_BYTES.

    The separator is the comma, tab or semicolon that is most frequent in the first line. Raises InvalidInput for what
    is not UTF-8 or no CSV at once, for rows with more cells than the header after the first 20 of them; cells that a
    row has not got are empty.
    """
    lines = _Lines(stream)
    csv.field_size_limit(MAX_ROW_BYTES)  # the module's own limit of 128 KiB is shorter than many a text
    rows = csv.reader(lines, delimiter=_delimiter(stream), strict=True)
    try:
        header = _checked_header(next(rows, []))
        yield from _objects(rows, header, lines)
    except csv.Error as error:
        raise _refused(f"line {lines.number}: no CSV: {error}", _QUOTING_HINT, lines.number) from error


class _Lines:
    """The decoded lines, counted; an iterator for csv.reader."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = 0
        self._row_bytes = 0

    def begin_row(self) -> None:
        """What was read so far belongs to rows that are done."""
        self._row_bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(MAX_ROW_BYTES + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self._row_bytes += len(raw)
        if self._row_bytes > MAX_ROW_BYTES:
            raise _refused(f"line {self.number}: a row of more than 16 MiB", _QUOTING_HINT, self.number)
        try:
            return raw.removeprefix(BYTE_ORDER_MARK).decode() if self.number == 1 else raw.decode()
        except UnicodeDecodeError as error:
            message = f"line {self.number}: not UTF-8 (byte 0x{raw[error.start]:02x})"
            hint = 'save the file as UTF-8 (in Excel: "CSV UTF-8")'
            raise _refused(message, hint, self.number) from error


def _delimiter(stream: BinaryIO) -> str:
    first_line = stream.readline(64 * 1024).decode(errors="replace")
    stream.seek(0)
    return max(DELIMITERS, key=first_line.count)


def _checked_header(cells: Sequence[str]) -> tuple[str, ...]:
    # pandas, which LLaMA-Factory reads CSV with, names the index column of to_csv() so
    header = tuple(cell.strip() or f"Unnamed: {place}" for place, cell in enumerate(cells))
    if not header:
        raise _refused("line 1: column 1 has no name", "write the names of the columns there", 1)
    if len(header) > MAX_COLUMNS:
        message = f"line 1: {len(header)} columns; {MAX_COLUMNS} are allowed"
        raise _refused(message, "leave out those that training does not read", 1)
    long = next((name for name in header if len(name) > MAX_NAME_CHARACTERS), None)
    if long is not None:
        message = f"line 1: the column {shown_name(long)} has a name of {len(long)} characters"
        raise _refused(message, f"{MAX_NAME_CHARACTERS} are allowed: every row repeats it once it is JSON", 1)
    times = Counter(header)
    twice = next((name for name in header if times[name] > 1), None)
    if twice is not None:
        raise _refused(f"line 1: two columns have the name {shown_name(twice)}", "rename one of them", 1)
    return header


def _objects(rows: Iterator[list[str]], header: tuple[str, ...], lines: _Lines) -> Iterator[bytes]:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    ragged: list[Finding] = []
    for cells in rows:
        lines.begin_row()
        if not cells:
            continue
        if len(cells) <= len(header):
            missing = [""] * (len(header) - len(cells))
            yield encode(dict(zip(header, [*cells, *missing], strict=True))).encode() + b"\n"
        else:
            ragged.append(_ragged(len(cells), len(header), lines.number))
            if len(ragged) == _FINDINGS_SHOWN:
                break
    if ragged:
        raise InvalidInput(ragged)


def _ragged(cells: int, columns: int, line: int) -> Finding:
    return Finding(("file", line), f"line {line}: {cells} cells, and {columns} columns in the header", _QUOTING_HINT)


def _refused(message: str, hint: str, line: int) -> InvalidInput:
    return InvalidInput([Finding(("file", line), message, hint)])
