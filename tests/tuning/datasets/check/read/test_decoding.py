"""The quick decoder gives what the exact one gives, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuning.datasets.check.read.decoding import decode_exactly, decode_quickly

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
ROWS = st.dictionaries(st.text(), VALUES)


@given(ROWS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", "\t:"), (",", "  :")]))
def test_a_row_is_the_same_or_in_doubt(row: dict[str, Any], escaped: bool, separators: tuple[str, str]) -> None:
    raw = _encoded(row, ensure_ascii=escaped, separators=separators)
    quick = decode_quickly(raw)
    assert quick is None or repr(quick) == repr(decode_exactly(raw))


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":, \t\r\\ud8a0123.eE-+ntf"', max_size=40).map(str.encode))
@example(b'{"a":1,"a" :2}')
@example(b'{"a":1,"a"\t :2}')
@example(b'{"a":1,"a":2,"b":"\\":"}')
@example(b'{"a":{"b":1,"b":2},"c":"\\":"}')
@example(b'{"a":[{"b":1,"b":2}]}')
@example(b'{"a":18446744073709551616}')
@example(b'{"a":-0,"b":"\\udc00"}')
@example(b'{"a":' + b"9" * 5000 + b"}")
def test_any_line_is_the_same_or_in_doubt(raw: bytes) -> None:
    quick = decode_quickly(raw)
    assert quick is None or repr(quick) == repr(decode_exactly(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": [{"b": 1, "b": 2}]}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "caf\xe9"}',
        b'{"a": 1.5}',
        b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}",
        b'{"a": "\\":"}',
        b'{"a" : 1}',
        b"[1]",
        b'"a"',
        b"{",
    ],
)
def test_what_is_doubtful_is_left_to_the_exact_decoder(raw: bytes) -> None:
    assert decode_quickly(raw) is None


@pytest.mark.parametrize("raw", [b'{"a": "b", "c": [{"d": "e"}, 1, null, true, ["f"]], "g": {"h": 1}}', b" {} \r\n"])
def test_what_is_plain_is_decoded_quickly(raw: bytes) -> None:
    assert decode_quickly(raw) == json.loads(raw)


def _encoded(row: dict[str, Any], **options: Any) -> bytes:
    return json.dumps(row, **options).encode(errors="replace")
