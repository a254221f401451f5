"""Files beneath a folder of a run, listed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_transport import LocalTransport
from tuning.errors import RemoteFileError
from tuning.ssh.file_listing import (
    MAX_FILES,
    OutputFile,
    OutputListing,
    is_plain_path,
    list_files,
    parse_files,
)


def test_what_lies_beneath_a_folder_is_listed_in_one_command(tmp_path: Path) -> None:
    output = tmp_path / "it's/output"
    (output / "checkpoint-5").mkdir(parents=True)
    (output / "checkpoint-5/a file").write_bytes(b"12")
    (output / "trainer_log.jsonl").write_bytes(b"1")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("key")
    (output / "way").symlink_to(tmp_path / "secret")
    (output / "link").symlink_to(tmp_path / "secret/key")
    transport = LocalTransport(banner=b"Welcome!\n")
    found = list_files(transport, str(tmp_path), str(output))
    assert {file.path: file.size_bytes for file in found.files} == {"checkpoint-5/a file": 2, "trainer_log.jsonl": 1}
    assert len(transport.commands) == 1


def test_a_folder_that_is_not_there_or_is_a_link_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("key")
    (tmp_path / "root/link").symlink_to(tmp_path / "secret")
    for name in ("gone", "link"):
        assert list_files(LocalTransport(), str(tmp_path / "root"), str(tmp_path / "root" / name)).files == ()


def test_a_root_that_is_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError, match="cannot look into"):
        list_files(LocalTransport(), str(tmp_path / "gone"), str(tmp_path / "gone/output"))


@pytest.mark.parametrize(
    ("path", "is_plain"),
    [("trainer_log.jsonl", True), ("checkpoint-5/日本 x", True), ("../1/exit", False), ("/etc/passwd", False),
     ("a\0b", False), ("a\nb", False), ("", False), ("a" * 1001, False), ("\ud800", False)],
)  # fmt: skip
def test_a_path_stays_inside_and_can_be_shown(path: str, is_plain: bool) -> None:
    assert is_plain_path(path) is is_plain


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
