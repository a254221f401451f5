"""Lines that are read many at a time are what they are one by one, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuning.datasets.check.read.alike_rows import AlikeReader, AlikeRows, Shape
from tuning.datasets.check.read.decoding import decode_exactly

TURN = {"from": str, "value": str}
SHAPE = Shape({"id": int, "text": str, "turns": list, "liked": bool, "none": type(None)}, {"turns": TURN})
TEXTS = st.text(max_size=6) | st.sampled_from([":", '":', "\\u003a", "}\n{", '"id":', "12:30"])
TURNS = st.fixed_dictionaries({"from": TEXTS, "value": TEXTS})
ROWS = st.fixed_dictionaries(
    {
        "id": st.integers(),
        "text": TEXTS,
        "turns": st.lists(TURNS, max_size=3),
        "liked": st.booleans(),
        "none": st.none(),
    }
)
GOOD = b'{"id": 1, "text": "a", "turns": [{"from": "b", "value": "c"}], "liked": true, "none": null}'


def read(block: bytes) -> AlikeRows | None:
    return AlikeReader(SHAPE).read(block)


def in_full(rows: AlikeRows) -> list[dict[str, Any]]:
    turns = iter(
        [dict(zip(TURN, pair, strict=True)) for pair in zip(*map(rows.items("turns").column, TURN), strict=True)]
    )
    columns = [rows.column(key) for key in SHAPE.types]
    objects = [dict(zip(SHAPE.types, values, strict=True)) for values in zip(*columns, strict=True)]
    return [{**row, "turns": [next(turns) for _ in row["turns"]]} for row in objects]


def exactly(block: bytes) -> list[Any]:
    return [decode_exactly(line) for line in block.split(b"\n") if line.strip()]


@given(
    rows=st.lists(ROWS, min_size=1, max_size=4),
    escaped=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", "\t:")]),
    ending=st.sampled_from([b"\n", b"\r\n"]),
)
def test_whatever_the_texts_are_rows_are_the_same(
    rows: list[dict[str, Any]], escaped: bool, separators: tuple[str, str], ending: bytes
) -> None:
    lines = [json.dumps(row, ensure_ascii=escaped, separators=separators).encode() for row in rows]
    found = read(ending.join([*lines, b""]))
    assert found is None or in_full(found) == rows


@given(
    parts=st.lists(
        st.sampled_from(
            [
                b'{"id":1,"text":"a","turns":[],"liked":true,"none":null}',
                b'{"id":1,"id":2,"text":"a","turns":[],"liked":true,"none":null}',
                b'{"id":1,"text":"\\u003a","turns":[],"liked":true,"none":null}',
                b'{"id":1,"text":"b","text":"\\":","turns":[],"liked":true,"none":null}',
                b'{"id":1.0,"text":"a","turns":[],"liked":true,"none":null}',
                b'{"id":1,"text":"\\ud800","turns":[],"liked":true,"none":null}',
                b'{"id":1,"text":"a","turns":[{"from":"b","value":"c","value":"d"}],"liked":true,"none":null}',
                b'{"id":1,"text":"a","turns":[],"liked":true,"none":null',
                b'{"id":1,\n"text":"a","turns":[],"liked":true,"none":null}',
                b"\n",
                b" ",
                b"}",
                b"[1]",
                b"],[",
                b"],\n[",
                b"\xff",
            ]
        ),
        max_size=5,
    ),
    between=st.sampled_from([b"\n", b" ", b""]),
)
@example([GOOD, GOOD], b" ")
def test_what_is_read_at_once_is_read_exactly_too(parts: list[bytes], between: bytes) -> None:
    block = between.join(parts)
    found = read(block)
    assert found is None or repr(in_full(found)) == repr(exactly(block))


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(b'"id": 1', b'"id": 1, "id": 2'),
        GOOD.replace(b'"id": 1', b'"id" : 1, "id": 2').replace(b'"a"', b'"\\u003a"'),
        GOOD.replace(b'"value": "c"', b'"value": "c", "value": "d"'),
        GOOD.replace(b'"id": 1', b'"id": 1.0'),
        GOOD.replace(b'"id": 1', b'"id": null'),
        GOOD.replace(b"true", b"1"),
        GOOD.replace(b'"id": 1, ', b""),
        GOOD.replace(b'"id": 1', b'"id": 1, "more": 2'),
        GOOD.replace(b'"a"', b'"\\udc00"'),
        GOOD.replace(b'"a"', b'"\xff"'),
        GOOD + GOOD,
        b"",
    ],
)
def test_one_line_that_is_not_like_the_others_has_all_read_one_by_one(line: bytes) -> None:
    assert read(b"\n".join([GOOD, line, GOOD])) is None


@pytest.mark.parametrize("text", [b"a", b"at 12:30", b"\\u96e8", b'says \\":', b'\\"id\\":', "雨:".encode()])
def test_good_lines_are_read_at_once_with_colons_too(text: bytes) -> None:
    block = b"\n".join([GOOD, GOOD.replace(b'"a"', b'"' + text + b'"'), b""])
    found = read(block)
    assert found is not None
    assert in_full(found) == exactly(block)


def test_a_key_need_be_no_name() -> None:
    found = AlikeReader(Shape({"class": str, "": str, "a b": str}, {})).read(b'{"class":"1","":"2","a b":"3"}')
    assert found is not None
    assert [found.column(key) for key in ("class", "", "a b")] == [["1"], ["2"], ["3"]]
    assert found.width() == 3
    assert found.type_of("b") is None


def test_a_very_long_whole_number_stays_what_it_is() -> None:
    found = read(GOOD.replace(b'"id": 1', b'"id": 123456789012345678901'))
    assert found is not None
    assert found.column("id") == [123456789012345678901]


@pytest.mark.parametrize(
    "block",
    [
        b'{"a": "x"}{"a": "y"}\n',
        b'{"a":\n"x"}\n',
        b'{"a": "x"}{"a":\n"y"}\n',
        b'{"a": "x"} {"a": "y"}\n\n',
        b'{"a": "}\n{"}{"a": "y"}\n',
        b'{"a": "x"}],[{"a": "y"}\n',
        b'{"a": "x"}],[{"a":\n"y"}\n',
        b'{"a": "x\n"}],[{"a": "y"}\n',
        b'{"a": "x"}]]\n[[{"a": "y"}\n',
        b'{"a": "x"}\n\n{"a": "y"}\n',
    ],
)
def test_a_line_is_one_object_and_an_object_one_line(block: bytes) -> None:
    assert AlikeReader(Shape({"a": str}, {})).read(block) is None
