"""The records of a batch script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.slurm.attempt_records import (
    MAX_FILES,
    ExitRecord,
    OutputFile,
    OutputListing,
    StartRecord,
    parse_exit,
    parse_files,
    parse_resumed,
    parse_started,
)

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
    assert parse_files(listing) == OutputListing(
        (OutputFile("a b.json", 5, 1.5), OutputFile("checkpoint-5/x", 0, 2.0), OutputFile("日本.txt", 7, 3.0)), 0
    )


@pytest.mark.parametrize(
    "entry",
    [
        b"5 1.0 ../up",
        b"5 1.0 /etc/passwd",
        b"5 1.0 a\x1b[2J",
        b"x 1.0 a",
        b"5 nan a",
        b"5 1.0 \xff",
        b"-1 1.0 a",
        b"9223372036854775808 1.0 a",
        b"9" * 5000 + b" 1.0 a",
        b"5 1e400 a",
        b"5 999999999999 a",
        b"5 -5.0 a",
        "٣ 1.0 a".encode(),
        b"5 1.0 " + b"\xf0\x9f\x98\x80" * 501,
        b"5 1.0 " + b"a" * 1001,
        b"2 1.0 good",
        b"",
    ],
)
def test_an_entry_that_no_run_leaves_is_set_aside_and_counted(entry: bytes) -> None:
    assert parse_files(entry + b"\0" + b"1 1.0 good\0") == OutputListing((OutputFile("good", 1, 1.0),), 1)


def test_entries_beyond_the_most_are_counted() -> None:
    listing = parse_files(b"".join(b"1 1.0 f%d\0" % number for number in range(MAX_FILES + 3)))
    assert (len(listing.files), listing.set_aside) == (MAX_FILES, 3)


@pytest.mark.parametrize(
    "line",
    [
        b"epoch=999999999999999999",
        b"epoch=7258118400",
        b"exit_code=256",
        b"exit_code=99999999999",
        b"slurm_job_id=4294967296",
        b"restart=2147483648",
    ],
)
def test_a_record_with_a_number_that_no_run_has_is_none(line: bytes) -> None:
    name = line.partition(b"=")[0]
    kept = [one for one in (STARTED + b"exit_code=0\n").split(b"\n") if not one.startswith(name)]
    assert parse_exit(b"\n".join([line, *kept])) is None


def test_what_is_no_name_of_a_node_is_left_out() -> None:
    record = parse_started(STARTED.replace(b"n1", b"n\x001"))
    assert record
    assert record.node == ""


@pytest.mark.parametrize(("text", "step"), [(b"step=7\n", 7), (b"step=99999999999\n", None), (b"step=-1\n", None)])
def test_the_step_that_a_run_went_on_from_is_one_that_the_database_takes(text: bytes, step: int | None) -> None:
    assert parse_resumed(text) == step


def test_an_entry_that_was_cut_off_is_left_out() -> None:
    assert parse_files(b"1 1.0 good\x005 1.0 ba") == OutputListing((OutputFile("good", 1, 1.0),), 0)


EDGES = (0, 1, 255, 256, 2**31, 2**32, 2**63 - 1, 2**63, 10**19 - 1, 2**64, 10**30)
NUMBERS = st.sampled_from(EDGES).map(lambda number: b"%d" % number) | st.binary(max_size=20)


SIZES = st.sampled_from(EDGES).map(lambda number: b"%d" % number)
PATHS = st.sampled_from([b"a/b", b"a/../b", b"/a", b"a\nb"]) | st.binary(max_size=20)


@given(st.lists(st.tuples(SIZES, st.just(b"1.5") | NUMBERS, PATHS), max_size=4), st.binary(max_size=20))
def test_any_listing_holds_files_inside_that_the_database_takes(
    entries: list[tuple[bytes, bytes, bytes]], cut_off: bytes
) -> None:
    whole = b"".join(b"%b %b %b\0" % entry for entry in entries)
    found = parse_files(whole + cut_off.replace(b"\0", b""))
    assert len(found.files) + found.set_aside == whole.count(b"\0")
    for file in found.files:
        assert 0 <= file.size_bytes < 2**63
        assert not file.path.startswith("/")
        assert ".." not in file.path.split("/")


@given(st.lists(NUMBERS, min_size=5, max_size=5), st.binary(max_size=20))
def test_any_record_of_an_end_holds_what_the_database_takes(values: list[bytes], more: bytes) -> None:
    names = (b"slurm_job_id", b"restart", b"node", b"epoch", b"exit_code")
    content = b"".join(b"%b=%b\n" % pair for pair in zip(names, values, strict=True)) + more
    found = parse_exit(content)
    if found is not None:
        assert parse_started(content)
        assert 0 <= found.exit_code <= 255
        assert max(found.slurm_job_id, found.restart) < 2**63
