"""The Range header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.byte_ranges import ByteRange, RangeNotSatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=10-", 10, 100),
        ("bytes=90-500", 90, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-500", 0, 100),
    ],
)
def test_one_range(header: str, start: int, stop: int) -> None:
    assert parse_range(header, 100) == ByteRange(start, stop, 100)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_without_a_byte_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 100)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=0-1,5-6", "lines=0-1", "bytes=5-2", "bytes=x-1"]
)
def test_what_may_be_ignored_means_the_whole_file(header: str | None) -> None:
    assert parse_range(header, 100) is None


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range("bytes=0-", 0)


def test_the_answer_says_which_range_it_is() -> None:
    assert ByteRange(90, 100, 200).content_range == "bytes 90-99/200"


@given(st.text(), st.integers(0, 1000))
def test_no_header_gives_bytes_that_are_not_there(header: str, size: int) -> None:
    try:
        found = parse_range(f"bytes={header}", size)
    except RangeNotSatisfiable:
        return
    assert found is None or 0 <= found.start < found.stop <= size
