"""Values of a JSON body, counted as it arrives."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.json_values import AllValues, ValuesOutsideTexts

TEXTS = st.text(st.sampled_from('a,:[{"\\\\\\n }]'), max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def signs(value: Any) -> int:
    """Commas, colons and opening brackets of a value, but for those in its texts."""
    if isinstance(value, dict):
        return 1 + len(value) + max(0, len(value) - 1) + sum(map(signs, value.values()))
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(signs, value))
    return 0


def counted(content: bytes, each_bytes: int) -> int:
    count = ValuesOutsideTexts()
    return sum(count.count(content[start : start + each_bytes]) for start in range(0, len(content), each_bytes))


@given(JSON)
def test_what_stands_in_texts_is_no_value(value: Any) -> None:
    content = json.dumps({"a": value}).encode()
    assert counted(content, len(content)) == signs({"a": value})


@given(JSON, st.integers(1, 9))
def test_pieces_may_end_anywhere(value: Any, each_bytes: int) -> None:
    content = json.dumps({"a": value}).encode()
    pieces = len(content) // each_bytes + 1
    assert 0 <= counted(content, each_bytes) - signs({"a": value}) <= pieces


@pytest.mark.parametrize("content", [b'""' * 1000, b'"', b'"\\', b'"\\"' * 1000, b"[" * 1000])
def test_what_is_no_json_is_counted_too(content: bytes) -> None:
    missed_at_ends = len(content) // 64
    assert counted(content, 64) >= content.count(b'""') + content.count(b"[") - missed_at_ends


def test_texts_may_hold_values_where_they_are_read_as_such() -> None:
    assert AllValues().count(json.dumps({"config_yaml": "{a: [1, 2]}"}).encode()) == 2 + 4
