"""What is found block by block is what is found row by row."""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.files import Trickling, alpaca, as_lines, messages, sharegpt
from tuning.datasets.check.read import line_rows
from tuning.datasets.check.read.line_rows import Place, read_blocks, read_line_rows
from tuning.datasets.check.report import DatasetReport
from tuning.datasets.check.run import _Check, validate
from tuning.errors import InvalidInput

GOOD = {
    "alpaca": [alpaca(instruction=f"Say {number}.", input="雨" * (number % 7)) for number in range(900)],
    "sharegpt": [sharegpt(*((("human", f"{n}"), ("gpt", "Hi" * (n % 9 + 1))) * (n % 3 + 1))) for n in range(900)],
    "messages": [messages(("user", f"Hello {n}"), ("assistant", "Hi!")) for n in range(900)],
    "text": [{"text": f"Once upon a time, {n}."} for n in range(900)],
}
ODD: tuple[bytes, ...] = (
    b"",
    b"not JSON",
    b'{"text": "a"}{"text": "b"}',
    b'{"text": "a"} {"text": "b"}',
    b'{"text":\n"a"}',
    b'{"text": "}\n{"}',
    b'{"instruction": "a", "input": "}\n{", "output": "b"}',
    b'{"instruction": "a", "input": "", "output": "b"}{"instruction": "a", "input": "", "output": "b"}',
    b'{"instruction": "a",\n"input": "", "output": "b"}',
    b"[1, 2]",
    b'{"instruction": "a", "instruction": "b", "output": "c"}',
    b'{"instruction" : "a", "output": "says \\": and more"}',
    b'{"instruction": "a", "input": null, "output": "b"}',
    b'{"instruction": "a", "input": "", "output": ""}',
    b'{"instruction": "a", "input": 1.5, "output": "b"}',
    b'{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": ""}]}',
    b'{"conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "b"}]}',
    b'{"conversations": []}',
    b'{"messages": [{"role": "user", "content": null}, {"role": "assistant", "content": "b"}]}',
    b'{"text": ""}',
    b'{"text": "lone \\ud800"}',
    b'{"text": "\xff"}',
)


def outcome(content: bytes, *, by_rows: bool) -> DatasetReport | list[tuple[Any, ...]]:
    """The report but for tokens, or the findings. A counter of tokens has rows looked at one by one."""
    try:
        report = validate(BytesIO(content), None, len if by_rows else None).report
    except InvalidInput as error:
        return [(finding.loc, finding.message) for finding in error.findings]
    return replace(report, tokens=None)


@pytest.mark.parametrize("form", GOOD)
def test_a_good_file_is_taken_in_by_blocks(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_rows, "BLOCK_BYTES", 10_000)
    taken: list[bool] = []
    take_all = _Check._take_all

    def watched(check: _Check, block: bytes, end_bytes: int) -> bool:
        taken.append(take_all(check, block, end_bytes))
        return taken[-1]

    monkeypatch.setattr(_Check, "_take_all", watched)
    assert outcome(as_lines(GOOD[form]), by_rows=False) == outcome(as_lines(GOOD[form]), by_rows=True)
    assert sum(taken) >= len(taken) - 1


@given(
    form=st.sampled_from(list(GOOD)),
    odd=st.lists(st.tuples(st.integers(0, 899), st.sampled_from(ODD)), max_size=6),
    block=st.integers(2_000, 60_000),
    ending=st.sampled_from([b"\n", b"\r\n"]),
)
def test_an_odd_row_anywhere_is_told_the_same(
    form: str, odd: list[tuple[int, bytes]], block: int, ending: bytes
) -> None:
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in GOOD[form]]
    for place, line in odd:
        lines.insert(place, line)
    content = ending.join(lines)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line_rows, "BLOCK_BYTES", block)
        assert outcome(content, by_rows=False) == outcome(content, by_rows=True)


@given(st.binary(max_size=300), st.integers(1, 20), st.integers(10, 60))
def test_blocks_hold_the_rows_of_the_file(content: bytes, piece: int, longest: int) -> None:
    content = content.replace(b"\x00", b"\n").replace(b"\x01", b'{"a": 1}\n')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line_rows, "MAX_ROW_BYTES", longest)
        patched.setattr(line_rows, "BLOCK_BYTES", piece)
        place, found = Place(), []
        for block in read_blocks(Trickling(content, piece)):
            rows = list(read_line_rows(BytesIO(block.content), place))
            found += rows
            place = block.behind(place, place.rows + len(rows))
        assert found == list(read_line_rows(BytesIO(content)))
        assert place.bytes == len(content)
