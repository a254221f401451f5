"""Rows of a data set on its page."""

from typing import Any

from server.dashboard.data.rows import MOST_CHARACTERS, shown_rows
from tuning.datasets.rows.preview import Preview, PreviewRow, TextPiece


def preview(value: dict[str, Any], *pieces: tuple[str, bool]) -> Preview:
    texts = [TextPiece(text=text, trained=trained, read=True) for text, trained in pieces] or None
    row = PreviewRow(row=1, line=2, value=value, pieces=texts, problem=None)
    return Preview(format="alpaca", template=None, rows=[row], has_more=False)


def test_without_a_template_a_row_is_as_it_is_in_the_file() -> None:
    [row] = shown_rows(preview({"output": "犬"}))
    assert row.text == '{\n  "output": "犬"\n}'
    assert (row.pieces, row.left_out) == (None, 0)


def test_a_very_long_row_is_cut_and_says_so() -> None:
    [row] = shown_rows(preview({"output": "x" * 10_000}))
    assert len(row.text) == MOST_CHARACTERS
    assert row.left_out == 10_000 + len('{\n  "output": ""\n}') - MOST_CHARACTERS


def test_of_a_long_text_the_first_pieces_are_shown() -> None:
    [row] = shown_rows(preview({}, ("a" * 10, False), ("b" * MOST_CHARACTERS, True), ("c", False)))
    assert row.pieces is not None
    assert [(len(piece.text), piece.is_trained) for piece in row.pieces] == [(10, False), (MOST_CHARACTERS - 10, True)]
    assert row.left_out == 11
