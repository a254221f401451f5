import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.commands.expansions import (
    MAX_PATTERN_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    changed,
    sliced,
)


@pytest.mark.parametrize(
    ("value", "change", "result"),
    [
        ("3.0", "%.*", "3"),
        ("a.b.c", "%.*", "a.b"),
        ("a.b.c", "%%.*", "a"),
        ("a/b/c", "#*/", "b/c"),
        ("a/b/c", "##*/", "c"),
        ("abc", "%x", "abc"),
        ("abc", "#?", "bc"),
        ("v12", "%%[0-9]*", "v"),
        ("v12", "#[!0-9]", "12"),
        ("a*b", "#a\\*", "b"),
        ("a/b/a", "/a/x", "x/b/a"),
        ("a/b/a", "//a/x", "x/b/x"),
        ("a/b", "//\\//_", "a_b"),
        ("a/b", "//\\/", "ab"),
        ("a/b", "////_", "a_b"),
        ("a", "/%/.json", "a.json"),
        ("a", "//*/x", "x"),
        ("a b a", "/#a/x", "x b a"),
        ("a b a", "/%a/x", "a b x"),
        ("abcdef", ":2", "cdef"),
        ("abcdef", ":1:2", "bc"),
        ("Ab", "^^", "AB"),
        ("Ab", ",,", "ab"),
    ],
)
def test_values_are_changed_as_bash_does(value: str, change: str, result: str) -> None:
    assert changed(value, change) == result


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ("a", "%$X"),
        ("a", "/a/&"),
        ("a", "%'a'"),
        ("a", ": -1"),
        ("a", "^a"),
        ("a", "#[z-a]"),
        ("a", "#*a*a*a*"),
        ("a" * (MAX_VALUE_CHARACTERS + 1), "#a"),
        ("a", "#" + "a" * MAX_PATTERN_CHARACTERS),
    ],
)
def test_a_change_that_is_not_read_is_none(value: str, change: str) -> None:
    assert changed(value, change) is None


def test_elements_are_counted_from_nought() -> None:
    assert sliced(("a", "b", "c"), ":1") == ("b", "c")
    assert sliced(("a", "b", "c"), ":0:2") == ("a", "b")
    assert sliced(("a",), ":x") is None


@given(st.text(max_size=30), st.text(alphabet="#%/:^,*?[]!\\\\ab-01", max_size=12))
def test_any_change_has_a_result_or_none(value: str, change: str) -> None:
    result = changed(value, change)
    assert result is None or isinstance(result, str)
