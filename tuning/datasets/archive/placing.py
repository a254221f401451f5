"""Rows whose media came along: as JSON lines with each path as it will be in a job's folder of data."""

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

from tuning.datasets.check.issues import EXPLANATIONS, Reason
from tuning.datasets.check.layouts.detection import media_columns
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.line_rows import read_line_rows
from tuning.datasets.check.read.rows import Fault, Row, find_encoding
from tuning.errors import Finding, InvalidInput

_ROWS_TO_DETECT_BY = 100


@dataclass(frozen=True)
class Placing:
    """Folder for the files of one archive: beneath a folder that no other archive has."""

    folder: str
    rows: str
    """The file of rows, in the archive."""
    media: frozenset[str]
    """The others, in the archive."""
    columns: tuple[str, ...] | None = None
    """Of the rows, those that hold paths; None: found out."""

    @property
    def placed(self) -> frozenset[str]:
        """The paths of all media, as rows name them afterwards."""
        return frozenset(f"{self.folder}/{name}" for name in self.media)

    def path(self, written: str) -> str:
        """The path for one that a row names: from the folder of the rows, or from the top. As it is where none is."""
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self.rows), written))
        found = next((name for name in (beside, posixpath.normpath(written)) if name in self.media), None)
        return written if found is None else f"{self.folder}/{found}"


def placed_lines(stream: BinaryIO, placing: Placing) -> Iterator[bytes]:
    """A line for each row of a seekable JSON file. Raises InvalidInput at the first row that is no JSON object."""
    rows = read_array_rows(stream) if find_encoding(stream) == "json" else read_line_rows(stream)
    first = [_object(row) for row in islice(rows, _ROWS_TO_DETECT_BY)]
    columns = placing.columns
    if columns is None:
        columns = tuple(column for _, column in media_columns(first))
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for row in chain(first, map(_object, rows)):
        placed = {column: _placed(row[column], placing) for column in columns if column in row}
        yield encode({**row, **placed}).encode("utf-8", "replace") + b"\n"


def _placed(value: Any, placing: Placing) -> Any:
    if isinstance(value, list):
        return [_placed(part, placing) for part in value]
    return placing.path(value) if isinstance(value, str) and value else value


def _object(row: Row | Fault) -> dict[str, Any]:
    if isinstance(row, Row) and isinstance(row.value, dict):
        return row.value
    reason = row.reason if isinstance(row, Fault) else Reason.NOT_AN_OBJECT
    told, detail = EXPLANATIONS[reason], f" ({row.detail})" if isinstance(row, Fault) and row.detail else ""
    message = f"row {row.number} (line {row.line}): {told.message}{detail}"
    raise InvalidInput([Finding(("file", row.line), message, told.hint)])
