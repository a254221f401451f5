"""A large file that several processes read is found to be what one finds it to be."""

import logging
from collections import Counter
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.datasets.files import alpaca, as_lines, sharegpt
from tuning.datasets.check.layouts.columns import FIRST_PIECE_BYTES, Columns
from tuning.datasets.check.layouts.converters import judge_for
from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.read import parallel
from tuning.datasets.check.read.parallel import Part, _all_told, count_part
from tuning.datasets.check.report import DatasetReport
from tuning.datasets.check.run import _Check, validate
from tuning.datasets.check.stats.totals import Contents, Scripts
from tuning.errors import InvalidInput

SPOKEN = [sharegpt(("human", f"{n % 400}"), ("gpt", "Hi" * (n % 9 + 1))) for n in range(900)]
LINES = as_lines(SPOKEN)
NO_SCRIPTS = Scripts(0, ())
LONG_TEXT = "It is raining. " * 300
LARGE = as_lines([alpaca(instruction=f"{n % 1000}", output=LONG_TEXT) for n in range(FIRST_PIECE_BYTES // 4000)])
CHATS = as_lines([sharegpt(*((("human", f"{n % 700}"), ("gpt", LONG_TEXT)) * (1 + n // 2500))) for n in range(2600)])
"""The last hundred are the first of four turns."""


def part_of(path: Path, start: int, end: int) -> Part:
    columns = Columns()
    columns.record(SPOKEN[0])
    shape = columns.known_shape(SPOKEN[0])
    assert shape is not None
    return Part(str(path), start, end, judge_for(detect_layout(SPOKEN[:100], None)), shape)


def found(contents: Contents) -> list[object]:
    """All but the scripts, of which each part looks at rows of its own."""
    return [contents.characters(), contents.turns(), contents.repeats(), contents.roles()]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "spoken.jsonl"
    path.write_bytes(LINES)
    return path


@settings(deadline=None)
@given(cuts=st.lists(st.integers(1, len(LINES) - 1), max_size=5))
def test_wherever_a_file_is_cut_every_row_is_counted_once(spoken: Path, cuts: list[int]) -> None:
    ends = sorted({*cuts, len(LINES)})
    counted = [count_part(part_of(spoken, start, end)) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    total, rows = Contents(), 0
    for one in counted:
        assert one is not None
        total.merge(one.contents)
        rows += one.rows
    whole = count_part(part_of(spoken, 0, len(LINES)))
    assert whole is not None
    assert (rows, found(total)) == (whole.rows, found(whole.contents)) == (900, found(whole.contents))


@pytest.mark.parametrize("odd", [b"not JSON\n", b"\n", as_lines([sharegpt(("human", "Hello"), ("gpt", ""))])])
def test_a_part_with_another_row_is_not_counted(tmp_path: Path, odd: bytes) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(LINES + odd + LINES)
    assert count_part(part_of(path, 0, 2 * len(LINES) + len(odd))) is None
    assert count_part(part_of(path, 0, len(LINES))) is not None


def test_a_process_that_ends_early_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    receiver, sender = Pipe(duplex=False)
    sender.close()
    with receiver, caplog.at_level(logging.WARNING):
        assert _all_told([receiver]) is None
    assert "ended early" in caplog.text


class Uses:
    """How often the parts of a file were all good, and how often not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: Counter[bool] = Counter()
        take_parts = _Check._take_parts

        def watched(check: _Check, stream: BinaryIO, processes: int) -> bool:
            taken = take_parts(check, stream, processes)
            self.seen[taken] += 1
            return taken

        monkeypatch.setattr(parallel, "FEWEST_BYTES", 0)
        monkeypatch.setattr(_Check, "_take_parts", watched)


def outcome(path: Path, processes: int) -> DatasetReport | list[tuple[object, ...]]:
    with path.open("rb") as stream:
        try:
            return replace(validate(stream, processes=processes).report, scripts=NO_SCRIPTS)
        except InvalidInput as error:
            return [(finding.loc, finding.message) for finding in error.findings]


@pytest.mark.parametrize("content", [LARGE, CHATS], ids=["alpaca", "chats"])
@pytest.mark.parametrize("processes", [2, 3])
def test_a_large_file_of_alike_rows_is_shared_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int, content: bytes
) -> None:
    uses, path = Uses(monkeypatch), tmp_path / "large.jsonl"
    path.write_bytes(content)
    assert outcome(path, processes) == outcome(path, 1)
    assert uses.seen == {True: 1}


@pytest.mark.parametrize("odd", [b"not JSON\n", b"\n", as_lines([alpaca(output="")]), as_lines([{"text": "other"}])])
def test_a_large_file_with_another_row_is_read_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: bytes
) -> None:
    uses, path = Uses(monkeypatch), tmp_path / "large.jsonl"
    path.write_bytes(LARGE + odd + LARGE[: len(LARGE) // 2])
    assert outcome(path, 2) == outcome(path, 1)
    assert uses.seen == {False: 1}


def test_a_file_with_a_problem_in_its_first_piece_is_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses, path = Uses(monkeypatch), tmp_path / "large.jsonl"
    path.write_bytes(as_lines([alpaca(output="")]) + LARGE)
    assert outcome(path, 2) == outcome(path, 1)
    assert uses.seen == {False: 1}


def test_a_small_file_is_not_shared_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uses, path = Uses(monkeypatch), tmp_path / "large.jsonl"
    monkeypatch.setattr(parallel, "FEWEST_BYTES", len(LARGE) + 1)
    path.write_bytes(LARGE)
    assert outcome(path, 2) == outcome(path, 1)
    assert uses.seen == {False: 1}
