"""A table (CSV, Parquet, text, OpenAI's tool calls) written as JSON lines, which may not grow out of all proportion."""

import os
from contextlib import closing
from typing import BinaryIO

from tuning.datasets.bounded_check import BoundedCheck
from tuning.datasets.check.read.tables import Table
from tuning.datasets.storage.store import Incoming
from tuning.errors import Finding, InvalidInput

_MOST_UNFOLDED = 500
_ALWAYS_UNFOLDED_BYTES = 128 * 1024 * 1024
"""A table may unfold to so much, however small it is."""


def write_json_lines(stream: BinaryIO, table: Table, target: Incoming, check: BoundedCheck) -> None:
    """Write the rows of a table that is a file. Raises InvalidInput, StorageFull, CheckCut."""
    most_bytes = max(_ALWAYS_UNFOLDED_BYTES, os.fstat(stream.fileno()).st_size * _MOST_UNFOLDED)
    with closing(check.json_lines(stream, table, most_bytes)) as pieces:
        for piece in pieces:
            target.write(piece)
            if target.size_bytes > most_bytes:
                message = f"as JSON lines the {table} is more than {_MOST_UNFOLDED} times as large as it is"
                raise InvalidInput([Finding(("file",), message, "send the rows as JSON lines")])
