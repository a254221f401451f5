"""Rows of a preview in lines. Pure: what the server sent in, marked lines out (made inert where they are shown)."""

import json
from typing import NamedTuple

from packtrain.schema import PreviewRow, TextPiece

LINE_END = "↵"
"""Stands where the text has a line end: the others are only ours."""


class Line(NamedTuple):
    """A line to show, and its mark: `>` is learned, `+` is learned and not read, blank is read only."""

    mark: str
    text: str


def row_lines(row: PreviewRow) -> list[Line]:
    """A row as the model sees it; as it is in the file where no template was asked for or none can show it."""
    lines = [Line("", f"row {row['row']} (line {row['line']})")]
    if row["problem"]:
        lines[0] = Line("", f"{lines[0].text}: {row['problem']}")
    if row["pieces"] is None:
        return lines + [Line("", line) for line in json.dumps(row["value"], ensure_ascii=False, indent=2).split("\n")]
    return lines + [line for piece in row["pieces"] for line in _piece_lines(piece)]


def _piece_lines(piece: TextPiece) -> list[Line]:
    mark = (">" if piece["read"] else "+") if piece["trained"] else " "
    *whole, rest = piece["text"].split("\n")
    return [Line(mark, line + LINE_END) for line in whole] + ([Line(mark, rest)] if rest else [])
