import json
from io import BytesIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.datasets.files import Trickling
from tuning.datasets.check.issues import Reason
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.line_rows import read_line_rows
from tuning.datasets.check.read.rows import MAX_ROW_BYTES, Fault, Row

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(values), st.sampled_from([None, 0, 3]), st.booleans())
def test_an_array_is_read_as_the_standard_library_reads_it(
    elements: list[Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(elements, indent=indent, ensure_ascii=ascii_only)
    assert [row.value for row in read_array_rows(BytesIO(text.encode())) if isinstance(row, Row)] == elements


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.dictionaries(texts, values, max_size=4)))
def test_lines_are_read_as_the_standard_library_reads_them(rows: list[Any]) -> None:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    assert [row.value for row in read_line_rows(BytesIO(content)) if isinstance(row, Row)] == rows


@settings(deadline=None)  # a busy machine is no defect
@given(st.binary(max_size=200))
def test_no_bytes_at_all_end_in_anything_but_rows_and_faults(content: bytes) -> None:
    for read in (read_line_rows, read_array_rows):
        assert all(isinstance(each, Row | Fault) for each in read(BytesIO(content)))


def test_rows_know_their_line_and_offset() -> None:
    content = b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n'
    assert list(read_line_rows(BytesIO(content))) == [Row(1, 1, 0, {"a": 1}), Row(2, 3, 13, {"a": 2})]


def test_rows_of_an_array_know_the_line_on_which_they_begin() -> None:
    content = b'[{"a": 1}, {"a":\n2},\n\n{"a": 3}]'
    found = [row.line for row in read_array_rows(BytesIO(content)) if isinstance(row, Row)]
    assert found == [1, 1, 4]


def test_a_number_is_not_taken_for_whole_where_the_reading_stopped() -> None:
    stream = Trickling(b"[12345, 67]", 1)
    assert [row.value for row in read_array_rows(stream) if isinstance(row, Row)] == [12345, 67]


def test_places_are_right_behind_a_line_that_was_skipped() -> None:
    content = b"a" * (MAX_ROW_BYTES + 10) + b"\n{}\n"
    expected = [Fault(1, 1, Reason.TOO_LONG, ""), Row(2, 2, MAX_ROW_BYTES + 11, {})]
    assert list(read_line_rows(BytesIO(content))) == expected
