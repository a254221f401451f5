from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.layouts import columns
from tuning.datasets.check.layouts.columns import Columns, UnsteadyColumnError, shown_name

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
rows = st.dictionaries(st.sampled_from("abc"), values)


@settings(deadline=None)  # a busy machine is no defect
@given(rows)
def test_a_row_that_went_in_once_goes_in_again(row: dict[str, object]) -> None:
    columns = Columns()
    try:
        columns.record(row)
    except UnsteadyColumnError:
        return  # it does not go with itself: a list of mixed items
    columns.settle()
    columns.record(row)
    assert columns.names() == tuple(row)


@settings(deadline=None)  # a busy machine is no defect
@given(rows, rows)
def test_the_order_of_two_rows_does_not_matter_in_the_first_piece(
    one: dict[str, object], two: dict[str, object]
) -> None:
    assert _goes(one, two) == _goes(two, one)


def test_where_the_type_changes_is_named() -> None:
    columns = Columns()
    columns.record({"turns": [{"text": "a"}]})
    with pytest.raises(UnsteadyColumnError) as caught:
        columns.record({"turns": [{"text": 1}]})
    assert caught.value.reason is Reason.TYPE_CHANGES
    assert caught.value.detail == "turns.text: a number, and text before"


def test_whole_numbers_written_as_fractions_are_whole() -> None:
    columns = Columns()
    columns.record({"a": 1})
    columns.settle()
    columns.record({"a": 2.0})
    with pytest.raises(UnsteadyColumnError, match="fraction"):
        columns.record({"a": 2.5})


def test_a_name_is_shown_short_and_printable() -> None:
    assert shown_name("日本語") == "日本語"
    assert shown_name("a\x00\n") == "a\\x00\\n"
    assert shown_name("x" * 100) == "x" * 60 + "…"


def _goes(*given_rows: dict[str, object]) -> bool:
    columns = Columns()
    try:
        for row in given_rows:
            columns.record(row)
    except UnsteadyColumnError:
        return False
    return True


SCALARS = [None, 1, 1.0, 1.5, "a", True]
OBJECTS = [{}, {"a": 1}, {"a": "b"}, {"a": None}, {"a": ["b"]}, {"a": [1]}, {"b": 1.5}, {"b": 1}]
VALUES = st.sampled_from([*SCALARS, *OBJECTS, [], ["a"], [1], [[]], *[[each] for each in OBJECTS], OBJECTS[1:3]])
ROWS = st.lists(st.dictionaries(st.sampled_from("xy"), VALUES), max_size=12)


@given(ROWS, ROWS)
@example([{"x": [{"a": ["b"]}]}], [{"x": [{"a": [1]}]}])
def test_rows_that_are_known_by_their_shape_are_judged_as_any(before: list[Any], behind: list[Any]) -> None:
    with mock.patch.object(columns, "_SHAPES_KEPT", 0):
        expected = _verdicts(before + before, behind + behind)
    assert _verdicts(before + before, behind + behind) == expected


def _verdicts(before: list[Any], behind: list[Any]) -> list[Any]:
    found: list[Any] = []
    seen = Columns()
    for number, row in enumerate([*before, *behind]):
        if number == len(before):
            seen.settle()
        try:
            seen.record(row)
            found.append(None)
        except UnsteadyColumnError as error:
            found.append((error.reason, error.detail))
    return [*found, seen.names()]
