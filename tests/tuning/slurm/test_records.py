"""The records of a batch script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.slurm.records import ExitRecord, OutputFile, StartRecord, parse_exit, parse_files, parse_started

STARTED = b"slurm_job_id=12\nrestart=1\nnode=n1\nepoch=1795219200\n"


def test_a_start_and_an_end_are_read() -> None:
    assert parse_started(STARTED) == StartRecord(12, 1, "n1", 1795219200.0)
    assert parse_exit(STARTED + b"exit_code=143\n") == ExitRecord(12, 1, "n1", 1795219200.0, 143)


def test_the_sizes_of_the_growing_files_are_read_where_they_are_told() -> None:
    record = parse_exit(STARTED + b"exit_code=0\nstdout_bytes=12\nstderr_bytes=x\ntrainer_log_bytes=0\n")
    assert record
    assert record.stream_bytes == {"stdout": 12, "trainer_log": 0}


@pytest.mark.parametrize("text", [b"", STARTED, STARTED[:20], b"exit_code=0\n", STARTED + b"exit_code=-1\n"])
def test_half_an_end_is_none(text: bytes) -> None:
    assert parse_exit(text) is None


def test_files_are_listed_whatever_their_names() -> None:
    listing = "5 1.5 a b.json\0000 2.0 checkpoint-5/x\0007 3.0 日本.txt\000".encode()
    assert parse_files(listing) == (
        OutputFile("a b.json", 5, 1.5),
        OutputFile("checkpoint-5/x", 0, 2.0),
        OutputFile("日本.txt", 7, 3.0),
    )


@pytest.mark.parametrize(
    "entry",
    [b"5 1.0 ../up", b"5 1.0 /etc/passwd", b"5 1.0 a\x1b[2J", b"x 1.0 a", b"5 nan a", b"5 1.0 \xff", b"-1 1.0 a"],
)
def test_a_hostile_name_is_left_out(entry: bytes) -> None:
    assert parse_files(entry + b"\0" + b"1 1.0 good\0") == (OutputFile("good", 1, 1.0),)


def test_an_entry_that_was_cut_off_is_left_out() -> None:
    assert parse_files(b"1 1.0 good\x005 1.0 ba") == (OutputFile("good", 1, 1.0),)


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(content: bytes) -> None:
    parse_files(content)
    parse_exit(content)
    parse_started(content)
