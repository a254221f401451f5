"""The kept part of a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.factories import make_job, make_user
from tuning.jobs.output.growth import Position, append_log, save_position
from tuning.jobs.output.logs import LogExtent, LogPiece, last_lines, log_extent, read_log


def a_log(session: Session, *pieces: tuple[int, bytes]) -> tuple[str, int, str]:
    job_id = make_job(session, make_user(session)).id
    for offset, content in pieces:
        append_log(session, job_id, 1, "stdout", offset, content)
        end = offset + len(content)
        save_position(session, job_id, 1, "stdout", Position(7, end, end))
    return (job_id, 1, "stdout")


def test_the_extent_spans_the_pieces(session: Session) -> None:
    assert log_extent(session, a_log(session, (10, b"abc"), (13, b"defg"))) == LogExtent(10, 17)


def test_a_log_that_was_read_but_is_not_kept_lies_before_the_extent(session: Session) -> None:
    job_id = make_job(session, make_user(session)).id
    save_position(session, job_id, 1, "stdout", Position(7, 500, 500))
    assert log_extent(session, (job_id, 1, "stdout")) == LogExtent(500, 500)


def test_what_lies_before_a_gap_is_not_in_the_extent(session: Session) -> None:
    assert log_extent(session, a_log(session, (0, b"abc"), (9, b"xyz"))) == LogExtent(9, 12)


def test_a_log_that_nobody_saw_is_empty(session: Session) -> None:
    assert log_extent(session, ("job_none", 1, "stdout")) == LogExtent(0, 0)


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [(0, 100, b"abcdefg"), (2, 100, b"cdefg"), (2, 3, b"cde"), (3, 1, b"d"), (7, 100, b"")],
)
def test_any_range_is_put_together(session: Session, offset: int, limit: int, expected: bytes) -> None:
    piece = read_log(session, a_log(session, (0, b"abc"), (3, b"de"), (5, b"fg")), offset, limit)
    assert piece == LogPiece(offset, expected)
    assert piece.end == offset + len(expected)


def test_a_range_ends_at_a_gap(session: Session) -> None:
    assert read_log(session, a_log(session, (0, b"abc"), (9, b"xyz")), 1, 100) == LogPiece(1, b"bc")


@pytest.mark.parametrize(
    ("content", "count", "expected"),
    [
        (b"one\ntwo\nthree\n", 2, b"two\nthree\n"),
        (b"one\ntwo\nthr", 2, b"two\nthr"),
        (b"one\ntwo\n", 9, b"one\ntwo\n"),
        (b"one\n\n\n", 2, b"\n\n"),
        (b"", 2, b""),
    ],
)
def test_the_last_lines(content: bytes, count: int, expected: bytes) -> None:
    piece = last_lines(LogPiece(40, content), count, from_line_start=True)
    assert piece == LogPiece(40 + len(content) - len(expected), expected)


def test_a_cut_first_line_is_left_out() -> None:
    assert last_lines(LogPiece(40, b"ne\ntwo\n"), 9, from_line_start=False) == LogPiece(43, b"two\n")


@pytest.mark.parametrize("content", [b"ne\n", b"ne", b""])
def test_a_cut_line_is_shown_where_there_is_no_other(content: bytes) -> None:
    assert last_lines(LogPiece(40, content), 9, from_line_start=False) == LogPiece(40, content)


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n"])).map(b"".join), st.integers(1, 10))
def test_the_last_lines_are_those_that_splitting_gives(content: bytes, count: int) -> None:
    kept = last_lines(LogPiece(0, content), count, from_line_start=True).content
    assert kept == b"".join(content.splitlines(keepends=True)[-count:])
