"""The check of a file takes a time that grows with its size and not with its square.

Each file here took minutes when it did; what is asserted is what the check says of it.
"""

import json
from io import BytesIO
from typing import Any

import pytest

from tuning.datasets.check.layouts.tool_texts import why_bad_call
from tuning.datasets.check.read.csv_lines import MAX_COLUMNS, MAX_NAME_CHARACTERS, csv_lines
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

ROW = {"instruction": "1+1", "output": "2"}


def lines(row: dict[str, Any], times: int = 1) -> BytesIO:
    return BytesIO((json.dumps(row) + "\n").encode() * times)


def test_a_csv_of_many_columns_is_refused() -> None:
    header = b",".join(b"c%d" % number for number in range(500_000))
    with pytest.raises(InvalidInput, match="500000 columns; 1000 are allowed"):
        list(csv_lines(BytesIO(header + b"\n1,2\n")))


def test_a_csv_of_as_many_columns_as_are_allowed_is_read() -> None:
    header = ",".join(f"c{number}" for number in range(MAX_COLUMNS))
    [row] = csv_lines(BytesIO(f"{header}\n{','.join('x' * MAX_COLUMNS)}\n".encode()))
    assert len(json.loads(row)) == MAX_COLUMNS


def test_a_name_that_each_row_would_repeat_is_bounded() -> None:
    name = "x" * MAX_NAME_CHARACTERS
    assert len(list(csv_lines(BytesIO(f"{name},b\n1,2\n".encode())))) == 1
    with pytest.raises(InvalidInput, match="a name of 201 characters"):
        list(csv_lines(BytesIO(f"{name}x,b\n1,2\n".encode())))


def test_rows_of_very_many_keys_are_read() -> None:
    wide = {**ROW, **{f"c{number}": "x" for number in range(20_000)}}
    assert validate(lines(wide, 5)).report.kept == 5


def test_the_first_key_that_comes_twice_is_named() -> None:
    keys = ",".join(f'"k{number}":1' for number in range(50_000))
    with pytest.raises(InvalidInput, match="the same key twice in one object \\('k49998'\\)"):
        validate(BytesIO(("{" + keys + ',"k49999":2,"k49998":1}\n').encode()))


@pytest.mark.parametrize("mark", ["<think>\n", "<think>", "<tool_call>"])
@pytest.mark.parametrize("end", ["", "</think>", "\n</think>\n\n", "</tool_call>"])
def test_marks_that_begin_without_end_are_passed_over(mark: str, end: str) -> None:
    assert why_bad_call(mark * 200_000 + end, "message 2") is not None


@pytest.mark.parametrize(
    "content",
    [
        '{"name": "a", "arguments": {}}',
        '<think>\nwell\n</think>\n\n{"name": "a", "arguments": {}}',
        'said <tool_call>{"name": "a", "arguments": {}}</tool_call> and <tool_call>{}</tool_call>',
        '<think>\n<think>\n\n</think>\n\n[{"name": "a", "arguments": {}}]',
    ],
)
def test_calls_behind_thoughts_and_in_marks_are_good(content: str) -> None:
    assert why_bad_call(content, "message 2") is None
