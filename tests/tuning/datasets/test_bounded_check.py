"""The check in a process of its own finds the same, within its bounds, and leaves no process behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reader_processes import children, ends, readers
from tests.tuning.datasets.files import alpaca, as_array, as_lines, check
from tuning.datasets.bounded_check import BoundedCheck, CheckBounds, CheckCut, _Work
from tuning.datasets.check.run import CheckedFile
from tuning.errors import Finding, InvalidInput, Unavailable

PATIENCE_SECONDS = 60
NESTED = b'{"instruction":"a","output":"b","x":[' + b"[]," * 3_000_000 + b"[]]}\n"
"""Keeps a decoder busy for seconds."""
SHAPES = {
    "good": as_lines([alpaca()] * 3),
    "array": as_array([alpaca()] * 3),
    "nested": b'{"instruction":"a","output":"b","x":[' + b"[]," * 50_000 + b"[]]}\n",
    "brackets": b"[" + b"[]," * 50_000 + b"[]]",
    "deep": b'{"a":' * 100_000,
    "deep array": b"[" * 100_000,
    "keys": b'{"instruction":"a","output":"b"' + b"".join(b',"k%d":1' % n for n in range(50_000)) + b"}\n",
    "number": b'{"instruction":"a","output":"b","n":' + b"9" * 100_000 + b"}\n",
    "numbers": b'{"instruction":"a","output":"b","n":[' + b"1e400," * 20_000 + b"1]}\n",
    "escapes": b'{"instruction":"a","output":"' + b"\\ud83d\\ude00" * 20_000 + b'"}\n',
    "lone": b'{"instruction":"a","output":"' + b"\\ud83d" * 20_000 + b'"}\n',
    "one line": b"x" * 1_000_000,
    "nothing": b"",
}


def here(content: bytes) -> CheckedFile | tuple[Finding, ...]:
    try:
        return check(content)
    except InvalidInput as error:
        return error.findings


def apart(content: bytes, path: Path, bounds: CheckBounds = CheckBounds()) -> CheckedFile | tuple[Finding, ...]:
    path.write_bytes(content)
    try:
        with path.open("rb") as stream, BoundedCheck("pairs.jsonl", bounds) as bounded:
            return bounded.validate(stream)
    except InvalidInput as error:
        return error.findings


@pytest.mark.parametrize("shape", SHAPES)
def test_it_finds_what_is_found_here(tmp_path: Path, shape: str) -> None:
    assert apart(SHAPES[shape], tmp_path / "file") == here(SHAPES[shape])


@pytest.mark.parametrize(
    ("bounds", "limit", "setting"),
    [
        (CheckBounds(memory_bytes=160 * 1024**2), "167772160 bytes of memory at once", "PACKTRAIN_CHECK_MEMORY_BYTES"),
        (
            CheckBounds(seconds=0, bytes_per_second=10**9, wall_seconds_each=1000),
            "more than 1 s of processor time",
            "PACKTRAIN_CHECK_SECONDS",
        ),
        (CheckBounds(wall_seconds_each=0), "longer than 0 s", "PACKTRAIN_CHECK_SECONDS"),
    ],
    ids=["memory", "processor", "wall"],
)
def test_what_costs_too_much_is_refused_with_the_limit(
    tmp_path: Path, bounds: CheckBounds, limit: str, setting: str
) -> None:
    findings = apart(NESTED, tmp_path / "file", bounds)
    assert isinstance(findings, tuple)
    [finding] = findings
    assert finding.loc == ("file",)
    assert "'pairs.jsonl'" in finding.message
    assert limit in finding.message
    assert finding.hint is not None
    assert finding.hint.endswith(setting)


@given(st.integers(0, 2**63), st.floats(0, 1e9), st.integers(1, 2**63))
def test_the_bounds_of_time_grow_with_the_file(size: int, seconds: float, pace: int) -> None:
    bounds = CheckBounds(seconds=seconds, bytes_per_second=pace)
    assert 1 <= bounds.cpu_seconds(size) <= bounds.cpu_seconds(2 * size)
    assert bounds.wall_seconds(size) >= bounds.cpu_seconds(size)


def _ends_by(_stream: BinaryIO, how: int) -> Iterator[bytes]:
    yield b"begun"
    if not how:
        raise ValueError("a fault of ours, told on stderr")
    os.kill(os.getpid(), how)


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        (signal.SIGKILL, Unavailable, "the server's system ended the check of 'a.jsonl'"),
        (signal.SIGSEGV, InvalidInput, "'a.jsonl' cannot be read: its reader ended with signal 11"),
        (0, RuntimeError, "ended with 1"),
    ],
)
def test_a_process_that_ends_early_is_told_of(how: int, kind: type[Exception], says: str) -> None:
    with BoundedCheck("a.jsonl") as bounded, pytest.raises(kind, match=re.escape(says)):
        list(bounded._told(_Work(0), _ends_by, BytesIO(), how))


def _busy(_stream: BinaryIO) -> Iterator[int]:
    yield os.getpid()
    _hold_the_interpreter()


def _hold_the_interpreter() -> None:
    """In C, for ever, as a decoder may for a while: no other thread of the process runs."""
    re.match(r"(a+)+$", "a" * 100 + "b")


def test_who_asked_can_cut_it_off_while_it_runs() -> None:
    with BoundedCheck() as bounded:
        told = bounded._told(_Work(0), _busy, BytesIO())
        pid = next(told)
        bounded.cut()
        with pytest.raises(CheckCut):
            next(told)
        assert ends(pid)
        with pytest.raises(CheckCut):
            bounded.validate(BytesIO(SHAPES["good"]))


def test_it_ends_with_who_asked_however_that_ended() -> None:
    program = (
        "from io import BytesIO; from tests.tuning.datasets import test_bounded_check as t\n"
        "for pid in t.BoundedCheck()._told(t._Work(0), t._busy, BytesIO()): print(pid, flush=True)"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as asker:
        assert asker.stdout is not None
        pid = int(asker.stdout.readline())
        asker.kill()
        assert ends(pid)


def test_the_reader_of_a_parquet_file_ends_with_its_check(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), ["x" * 10**6])}), path)
    with BoundedCheck() as bounded, path.open("rb") as stream:
        lines = bounded.json_lines(stream, "parquet", 10**12)
        assert next(lines).startswith(b'{"text": "xxx')
        [checking] = readers()
        [reader] = children(checking)
        os.kill(reader, signal.SIGSTOP)  # it does not come to write, and so to notice
        bounded.cut()
        with pytest.raises(CheckCut):
            for _ in lines:
                pass
        assert ends(checking)
        assert ends(reader)
