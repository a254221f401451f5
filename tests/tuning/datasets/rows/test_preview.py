"""The first rows of a file, and no more of it than is bounded."""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pytest

from tests.tuning.datasets.files import alpaca, as_array, as_lines
from tuning.datasets.rows.preview import PreviewQuery, PreviewSource, first_rows, preview_pieces
from tuning.errors import InvalidInput

WRITERS = pytest.mark.parametrize(("extension", "write"), [("jsonl", as_lines), ("json", as_array)])
Write = Callable[[Sequence[Any]], bytes]


@WRITERS
def test_the_preview_is_the_first_rows(extension: str, write: Write) -> None:
    content = BytesIO(write([alpaca(output=str(number)) for number in range(20)]))
    rows = first_rows(content, extension, 3)
    assert [row.value["output"] for row in rows] == ["0", "1", "2"]
    assert [row.number for row in rows] == [1, 2, 3]


@WRITERS
@pytest.mark.parametrize(("first", "shown"), [(1, ["0", "1"]), (4, ["3", "4"]), (5, ["4"]), (6, []), (1_000_000, [])])
def test_the_preview_goes_on_from_row_to_row(extension: str, write: Write, first: int, shown: list[str]) -> None:
    content = BytesIO(write([alpaca(output=str(number)) for number in range(5)]))
    assert [row.value["output"] for row in first_rows(content, extension, 2, first)] == shown


@WRITERS
def test_the_preview_of_long_rows_ends_early(extension: str, write: Write) -> None:
    assert len(first_rows(BytesIO(write([alpaca(output="x" * 3_000_000)] * 5)), extension, 5)) == 2


def test_the_pieces_are_one_json_text() -> None:
    content = as_lines([alpaca(output="x" * 1_500_000, score=1e999)]).replace(b"Infinity", b"1e999")
    pieces = list(preview_pieces(BytesIO(content), PreviewSource("jsonl", "alpaca", {}), PreviewQuery(count=1)))
    [row] = json.loads(b"".join(pieces))["rows"]
    assert (len(pieces), len(row["value"]["output"]), row["value"]["score"]) == (2, 1_500_000, None)


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has no template 'qwne'"):
        list(
            preview_pieces(
                BytesIO(as_lines([alpaca()])), PreviewSource("jsonl", "alpaca", {}), PreviewQuery(template="qwne")
            )
        )
