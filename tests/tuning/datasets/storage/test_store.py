import hashlib
from pathlib import Path

import pytest

from tuning.datasets.storage.disk_errors import ContentTooLarge
from tuning.datasets.storage.store import ContentStore, Incoming, StoredContent
from tuning.errors import StorageFull


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "datasets", max_bytes=10_000_000)


def test_a_content_lies_under_its_sha256(store: ContentStore, tmp_path: Path) -> None:
    with store.receive() as incoming:
        incoming.write(b"ab")
        incoming.write(b"c")
        content = incoming.keep("jsonl")
    assert content.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert content.size_bytes == 3
    path = store.path(content.sha256, "jsonl")
    assert path == tmp_path / "datasets" / content.sha256[:2] / f"{content.sha256[2:]}.jsonl"
    assert path.read_bytes() == b"abc"
    assert _left_in_incoming(tmp_path) == []


def test_the_same_content_is_kept_once(store: ContentStore, tmp_path: Path) -> None:
    first = _keep(store, b"abc")
    inode = store.path(first.sha256, "jsonl").stat().st_ino
    assert _keep(store, b"abc") == first
    assert store.path(first.sha256, "jsonl").stat().st_ino == inode
    assert _left_in_incoming(tmp_path) == []


def test_what_was_written_can_be_read_before_it_is_kept(store: ContentStore) -> None:
    with store.receive() as incoming:
        incoming.write(b"abc")
        with incoming.open() as stream:
            assert stream.read() == b"abc"


def test_an_upload_that_breaks_off_leaves_nothing(store: ContentStore, tmp_path: Path) -> None:
    with store.receive() as incoming:
        incoming.write(b"abc")
    assert _files(tmp_path) == []


def test_too_large_a_content_is_refused_while_it_comes(tmp_path: Path) -> None:
    with ContentStore(tmp_path, max_bytes=3).receive() as incoming:
        incoming.write(b"abc")
        with pytest.raises(ContentTooLarge, match="limit of 3 bytes"):
            incoming.write(b"d")


def test_a_full_disk_is_told_and_leaves_nothing(store: ContentStore, tmp_path: Path) -> None:
    part = tmp_path / "upload.part"
    part.touch()
    with Incoming(store, (Path("/dev/full").open("wb"), part), 10_000_000) as incoming:
        incoming.write(b"a")
        with pytest.raises(StorageFull, match="disk is full"):
            incoming.keep("json")
    assert _files(tmp_path) == []


def test_what_the_disk_does_not_confirm_is_not_kept(store: ContentStore, tmp_path: Path) -> None:
    part = tmp_path / "datasets" / "incoming" / "upload.part"
    part.parent.mkdir(parents=True)
    part.touch()
    # no bytes of the null device are ever on a disk: it refuses to say so
    with (
        Incoming(store, (Path("/dev/null").open("wb"), part), 10_000_000) as incoming,
        pytest.raises(OSError, match="Invalid"),
    ):
        incoming.keep("json")
    assert _files(tmp_path) == []


def test_an_error_of_the_disk_that_is_not_fullness_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("a file where the folder should be")
    with pytest.raises(NotADirectoryError):
        ContentStore(tmp_path / "datasets", 10).receive()


def test_what_a_killed_process_left_goes_with_the_next_upload(store: ContentStore, tmp_path: Path) -> None:
    with store.receive() as running:
        abandoned = tmp_path / "datasets" / "incoming" / "dead.part"
        abandoned.write_bytes(b"half a file")
        with store.receive():
            assert not abandoned.exists()
        running.write(b"still here")
        assert running.keep("json").size_bytes == 10


def _keep(store: ContentStore, content: bytes) -> StoredContent:
    with store.receive() as incoming:
        incoming.write(content)
        return incoming.keep("jsonl")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]


def _left_in_incoming(folder: Path) -> list[Path]:
    return _files(folder / "datasets" / "incoming")
