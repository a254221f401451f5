"""What strangers wrote becomes what JSON and both databases take."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.storable import count_values, storable_json, storable_line, storable_text

ANY_TEXT = st.text(st.characters(codec=None))
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-(10**40), 10**40), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(ANY_TEXT, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a\x00": "b\ud800"}, {"a\ufffd": "b\ufffd"}),
        ([float("nan"), float("inf"), 1e300, 2**63, -(2**63), 2**63 - 1], [None, None, 1e300, None, None, 2**63 - 1]),
        ("日本😀", "日本😀"),
        (True, True),
    ],
)
def test_only_what_cannot_be_kept_is_replaced(value: Any, kept: Any) -> None:
    assert storable_json(value, 100) == kept


@given(ANY_JSON)
def test_everything_becomes_plain_json(value: Any) -> None:
    text = json.dumps(storable_json(value, 50), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    assert text.encode("utf-8")


def test_what_is_nested_deeper_than_anything_is_left_out() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert json.dumps(storable_json(deep, 10)).count("[") <= 41
    assert count_values(deep) == 500


@given(ANY_TEXT)
def test_a_text_is_cut_and_can_be_written(text: str) -> None:
    assert storable_text(text, 10).encode("utf-8").count(b"\x00") == 0
    assert len(storable_text(text, 10)) <= 10
    assert storable_line(text, 10).isprintable()
