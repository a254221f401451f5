"""Files and rows that are refused, dropped and kept; each was run through LLaMA-Factory 0.9.5's own converter."""

import tracemalloc
from io import SEEK_SET, BufferedReader, RawIOBase
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tuning.datasets.check.row_cases import (
    BROKEN_FILES,
    BROKEN_LINES,
    DATED,
    DOUBTED,
    DROPPED,
    FIRST_PIECE,
    FIRST_PIECE_BESIDE,
    FORBIDDEN,
    GOOD,
    JOB_FAILS,
    KEPT,
    LATE,
)
from tests.tuning.datasets.files import (
    Trickling,
    alpaca,
    as_array,
    as_lines,
    check,
    messages,
    refusal,
    sharegpt,
    weighted,
)
from tuning.datasets.check.issues import EXPLANATIONS, Outcome, Reason
from tuning.datasets.check.read.rows import MAX_ROW_BYTES
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

encodings = pytest.mark.parametrize("write", [as_lines, as_array])


@encodings
@pytest.mark.parametrize(("good", "bad", "reason"), DROPPED)
def test_what_llamafactory_drops_is_counted_and_named(write: Any, good: Any, bad: Any, reason: Reason) -> None:
    report = check(write([good, bad, good])).report
    (problem,) = report.problems
    assert (report.rows, report.kept, report.dropped) == (3, 2, 1)
    assert (problem.reason, problem.outcome, problem.rows) == (reason, Outcome.DROPPED, 1)
    assert problem.places[0].row == 2


@encodings
@pytest.mark.parametrize("row", [alpaca(output=None), sharegpt(*GOOD, ("human", "c")), messages(("user", "a"))])
def test_a_file_of_which_all_is_dropped_is_refused(write: Any, row: dict[str, Any]) -> None:
    """LLaMA-Factory: "Cannot find valid samples"."""
    found = refusal(write([row, row]))
    assert [message.split(" (")[0] for message in found] == ["row 1", "row 2"]


@encodings
@pytest.mark.parametrize(("good", "bad", "reason"), JOB_FAILS)
def test_what_would_end_the_job_is_refused(write: Any, good: Any, bad: Any, reason: Reason) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(write([good, bad]))
    assert caught.value.findings[0].severity == "error"
    assert _reason_of(write([good, bad])) is reason


@encodings
@pytest.mark.parametrize(("good", "other"), KEPT)
def test_what_llamafactory_reads_is_kept(write: Any, good: Any, other: Any) -> None:
    report = check(write([good, other])).report
    assert (report.rows, report.kept, report.problems) == (2, 2, ())


@pytest.mark.parametrize(("row", "reason"), DOUBTED)
def test_what_is_trained_on_but_hardly_meant_is_told(row: dict[str, Any], reason: Reason) -> None:
    report = check(as_lines([row])).report
    assert (report.kept, report.dropped) == (1, 0)
    assert [(problem.reason, problem.outcome) for problem in report.problems] == [(reason, Outcome.KEPT)]


@encodings
@pytest.mark.parametrize(("row", "reason"), FORBIDDEN)
def test_an_answer_of_weight_0_is_not_trained_on_in_silence(write: Any, row: dict[str, Any], reason: Reason) -> None:
    [found] = refusal(write([weighted(1), row]))
    assert found.startswith("row 2 (line ")
    assert _reason_of(write([weighted(1), row])) is reason


@pytest.mark.parametrize("row", [weighted(1), weighted(1, 1), weighted(1, None)])
def test_a_weight_of_1_says_nothing(row: dict[str, Any]) -> None:
    assert check(as_lines([row])).report.problems == ()


def test_weights_of_a_question_say_nothing() -> None:
    row = weighted(1)
    row["messages"][0]["weight"] = 0
    assert check(as_lines([row])).report.problems == ()


def test_weights_are_told_before_what_else_is_doubted() -> None:
    row = weighted(0, 1)
    row["messages"][3]["content"] = ""
    [problem] = check(as_lines([row])).report.problems
    assert problem.reason is Reason.UNTRAINED_HISTORY


def test_where_answers_are_compared_or_liked_their_history_is_not_trained_on() -> None:
    answers = {name: {"role": "assistant", "content": name} for name in ("chosen", "rejected")}
    asked = weighted(0)
    asked["messages"].append({"role": "user", "content": "c"})
    assert check(as_lines([{**asked, **answers}])).report.problems == ()
    assert check(as_lines([weighted(0, 1, kto_tag=True)])).report.problems == ()
    assert "a last answer of weight 0" in refusal(as_lines([weighted(1, 0, kto_tag=True)]))[0]


def test_tool_calls_that_are_not_read_are_told() -> None:
    calling = messages()
    calling["messages"][2]["tool_calls"] = [{"function": {"name": "f"}}]
    assert check(as_lines([calling])).report.problems[0].reason is Reason.UNUSED_TOOL_CALLS


@pytest.mark.parametrize(("line", "expected"), BROKEN_LINES)
def test_a_broken_line_is_named_and_reading_goes_on(line: bytes, expected: str) -> None:
    good = as_lines([alpaca()])
    found = refusal(good + b"\n" + line + b"\n" + good + b"{\n")
    assert found[0].startswith(expected)
    assert any(message.startswith("row 4 (line 5): not valid JSON") for message in found)


@pytest.mark.parametrize(("content", "expected"), BROKEN_FILES)
def test_a_broken_array_or_no_data_at_all_is_named(content: bytes, expected: str) -> None:
    assert refusal(content)[0].startswith(expected)


def test_an_array_is_read_however_the_pieces_fall() -> None:
    """The reader's window ends anywhere: in a string, in a character, in an escape."""
    rows = [alpaca(output="日本語\\\n" * (number % 40)) for number in range(400)]
    for size in (1, 2, 3, 7, 4096):
        report = validate(Trickling(as_array(rows), size)).report
        assert (report.rows, report.kept) == (400, 400)


def test_the_place_in_an_array_is_right_far_behind_what_was_cut_off() -> None:
    content = b"[" + as_array([alpaca()])[1:-2] + b',{"a": 1}' * 200_000 + b",\n {]"
    assert refusal(content)[0].startswith("row 200002 (line 7): not valid JSON (column 3:")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_line_ends_byte_order_mark_and_empty_lines_do_no_harm(ending: bytes) -> None:
    row = as_lines([alpaca()]).strip()
    report = check(b"\xef\xbb\xbf" + row + ending + ending + b"  " + ending + row).report
    assert (report.rows, report.kept, report.encoding) == (2, 2, "jsonl")


def test_the_encoding_is_told_by_the_content() -> None:
    assert check(b" \n" + as_array([alpaca()])).report.encoding == "json"


@pytest.mark.parametrize("late", LATE)
def test_what_first_appears_behind_10_mib_of_lines_ends_the_job(late: dict[str, Any]) -> None:
    (message,) = refusal(as_lines([*FIRST_PIECE_BESIDE, late]))
    assert message.startswith("row 111 (line 111): a column")
    assert refusal(as_array([*FIRST_PIECE_BESIDE, late])) == []


def test_what_is_known_may_be_missing_behind_10_mib() -> None:
    assert check(as_lines([*FIRST_PIECE, {"instruction": "a", "output": "b"}])).report.kept == 111


@pytest.mark.parametrize(
    "date", ["2026-11-21", "2026-11-21 10:11", "2026-11-21T10:11:12Z", "2026-11-21T10:11:12+09:00"]
)
def test_answers_that_are_all_dates_are_refused_in_lines(date: str) -> None:
    """pyarrow makes times of them, and LLaMA-Factory then drops every row."""
    rows = [alpaca(output=date), alpaca(output=None), alpaca(output=date)]
    assert refusal(as_lines(rows))[0].endswith("which is read as times and not as text (output)")
    assert refusal(as_array(rows)) == []


@pytest.mark.parametrize("text", ["", "2026-13-21", "20261121", "tomorrow"])
def test_one_text_among_dates_is_enough(text: str) -> None:
    assert refusal(as_lines([alpaca(output="2026-11-21"), alpaca(output=text)])) == []


@pytest.mark.parametrize(("row", "column"), DATED)
def test_other_texts_that_are_all_dates_are_refused_in_lines(row: dict[str, Any], column: str) -> None:
    assert refusal(as_lines([row]))[0].endswith(f"({column})")


@pytest.mark.parametrize("content", [b"\x7fELF\x02\xff\n" * 500, b"\x89PNG\r\n\x1a\n" * 500, b"no json\n" * 500])
def test_a_file_without_one_row_is_told_in_a_few_lines(content: bytes) -> None:
    told = refusal(content)
    assert len(told) == 4
    assert told[0].startswith("row 1 (line 1): ")
    assert told[-1] == "none of the first 100 rows is a JSON object"


def test_the_report_counts_lengths_in_characters() -> None:
    rows = [alpaca(instruction="", input="あ" * length, output="b") for length in (1, 2, 3, 4, 99)]
    lengths = check(as_lines(rows)).report.characters
    assert (lengths.total, lengths.longest) == (114, 100)
    assert [(each.up_to, each.rows) for each in lengths.histogram] == [
        (2, 1),
        (3, 1),
        (4, 1),
        (5, 1),
        (112, 1),
    ]


def test_the_report_names_the_columns_that_are_not_read() -> None:
    report = check(as_lines([alpaca(score=1, **{"bad\x00name": 1})])).report
    assert report.columns == ("instruction", "input", "output", "score", "bad\\x00name")
    assert report.unused_columns == ("score", "bad\\x00name")


def test_the_report_shows_twenty_places_and_counts_all() -> None:
    (problem,) = check(as_lines([alpaca(), *[alpaca(output=None)] * 50])).report.problems
    assert problem.rows == 50
    assert [place.line for place in problem.places] == list(range(2, 22))


def test_a_refusal_shows_twenty_lines_and_counts_the_rest() -> None:
    found = refusal(as_lines([alpaca()]) + b"{\n" * 1000)
    assert len(found) == 21
    assert found[-1] == "not valid JSON: 980 more rows"


@pytest.mark.parametrize("opening", [b'{"instruction": "a", "output": "b"}\n{"instruction": "', b'[{"a": "', b"[[[[["])
def test_one_endless_line_is_a_finding_at_bounded_memory(opening: bytes) -> None:
    stream = BufferedReader(_Endless(opening, MAX_ROW_BYTES * 5))
    tracemalloc.start()
    with pytest.raises(InvalidInput):
        validate(stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MAX_ROW_BYTES * 6


def _reason_of(content: bytes) -> Reason:
    message = refusal(content)[0]
    return next(reason for reason, explained in EXPLANATIONS.items() if f": {explained.message}" in message)


class _Endless(RawIOBase):
    """An opening and then nothing but the letter a, made while it is read."""

    def __init__(self, opening: bytes, size: int) -> None:
        self._opening, self._size, self._position = opening, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        self._position = offset
        return offset

    def readinto(self, buffer: Any, /) -> int:
        length = min(len(buffer), self._size - self._position)
        piece = self._opening[self._position : self._position + length]
        buffer[:length] = piece + b"a" * (length - len(piece))
        self._position += length
        return length


@given(st.binary(max_size=200))
@example(b"")
@example(b"[" * 2000)
@example(b'{"a":' * 2000)
def test_any_bytes_are_checked_or_refused(content: bytes) -> None:
    _expect_a_report_or_a_reason(content)


@given(st.sampled_from([as_lines, as_array]), st.integers(0, 600), st.binary(max_size=4), st.integers(0, 4))
def test_a_damaged_file_is_checked_or_refused(write: Any, position: int, piece: bytes, cut: int) -> None:
    whole = write([alpaca(history=[["a", "b"]], score=1), alpaca(history=[], score=2.5), alpaca(system="s")])
    _expect_a_report_or_a_reason(whole[:position] + piece + whole[position + cut :])


def _expect_a_report_or_a_reason(content: bytes) -> None:
    if refusal(content):
        return
    report = check(content).report
    assert report.kept > 0
    assert report.rows == report.kept + report.dropped
