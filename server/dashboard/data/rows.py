"""First rows of a data set as a page shows them: texts of bounded length, and whether a model learns them. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuning.datasets.rows.preview import Preview, PreviewRow

MOST_CHARACTERS = 4_000
"""Of one row: a page is no place for a book."""


@dataclass(frozen=True)
class ShownPiece:
    """A part of the text that a model reads."""

    text: str
    is_trained: bool
    is_read: bool


@dataclass(frozen=True)
class ShownRow:
    """A row: as it is in the file, and with a template as the model sees it."""

    row: int
    line: int
    text: str
    """As it is in the file."""
    pieces: Sequence[ShownPiece] | None
    problem: str | None
    left_out: int
    """Characters that are not shown."""


def shown_rows(preview: Preview) -> list[ShownRow]:
    """The rows of a preview."""
    return [_shown(row) for row in preview.rows]


def _shown(row: PreviewRow) -> ShownRow:
    if row.pieces is not None:
        pieces, left_out = _cut(row)
        return ShownRow(row.row, row.line, "", pieces, row.problem, left_out)
    text = _as_text(row.value)
    left_out = max(len(text) - MOST_CHARACTERS, 0)
    return ShownRow(row.row, row.line, text[:MOST_CHARACTERS], None, row.problem, left_out)


def _cut(row: PreviewRow) -> tuple[list[ShownPiece], int]:
    shown, room, left_out = list[ShownPiece](), MOST_CHARACTERS, 0
    for piece in row.pieces or ():
        text = piece.text[:room]
        left_out += len(piece.text) - len(text)
        room -= len(text)
        if text:
            shown.append(ShownPiece(text, piece.trained, piece.read))
    return shown, left_out


def _as_text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
