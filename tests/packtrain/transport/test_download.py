import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.errors import BrokenTransfer, ServerUnreachable, UnsafePath
from packtrain.schema import Artifact
from packtrain.transport.download import download_archive, download_file, local_path, wanted

BODY = b"0123456789" * 10


def _file(
    path: str = "adapter_model.safetensors", size_bytes: int = len(BODY), modified_at: str = "2026-11-21T12:00:00Z"
) -> Artifact:
    return Artifact(
        path=path,
        kind="weights",
        description="weights",
        size_bytes=size_bytes,
        modified_at=modified_at,
        url=f"/api/v1/jobs/job_1/artifacts/{path}",
    )


class Origin:
    """A file's server: knows ranges if it is told to, and breaks off after so many bytes as often as it is told to."""

    def __init__(self, body: bytes = BODY, *, ranges: bool = True, breaks: tuple[int, ...] = ()) -> None:
        self.body, self.ranges, self.breaks = body, ranges, list(breaks)
        self.offsets: list[int] = []

    @contextmanager
    def __call__(self, offset: int) -> Iterator[httpx.Response]:
        self.offsets.append(offset)
        rest = self.body[offset:] if self.ranges else self.body
        headers = {"Content-Range": f"bytes {offset}-{len(self.body) - 1}/{len(self.body)}"}
        status = 206 if self.ranges and offset else 200
        yield httpx.Response(status, headers=headers, content=self._pieces(rest))

    def _pieces(self, rest: bytes) -> Iterator[bytes]:
        if self.breaks:
            yield rest[: self.breaks.pop(0)]
            raise ServerUnreachable("broke off")
        yield rest


def test_a_file_lands_whole_with_its_time(tmp_path: Path) -> None:
    target = download_file(Origin(), _file("sub/model.bin"), tmp_path)
    assert target == tmp_path / "sub/model.bin"
    assert target.read_bytes() == BODY
    assert target.stat().st_mtime == 1795262400
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["損" * 85, "x" * 255])
def test_the_longest_name_that_a_file_system_has_is_written(tmp_path: Path, name: str) -> None:
    assert download_file(Origin(), _file(name), tmp_path).read_bytes() == BODY


def test_a_break_is_continued_where_it_was(tmp_path: Path) -> None:
    origin = Origin(breaks=(30, 20))
    positions: list[tuple[str, int]] = []
    target = download_file(origin, _file(), tmp_path, lambda name, position: positions.append((name, position)))
    assert target.read_bytes() == BODY
    assert origin.offsets == [0, 30, 50]
    assert positions == [(_file()["path"], position) for position in (30, 50, 100)]


def test_the_next_call_goes_on_after_too_many_breaks(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable):
        download_file(Origin(breaks=(10,) * 5), _file(), tmp_path)
    assert not (tmp_path / _file()["path"]).exists()
    origin = Origin()
    assert download_file(origin, _file(), tmp_path).read_bytes() == BODY
    assert origin.offsets == [50]


def test_a_server_without_ranges_is_read_from_the_start(tmp_path: Path) -> None:
    assert download_file(Origin(ranges=False, breaks=(30,)), _file(), tmp_path).read_bytes() == BODY


def test_a_part_of_an_older_version_is_not_continued(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable):
        download_file(Origin(b"x" * 100, breaks=(10,) * 5), _file(), tmp_path)
    newer = _file(size_bytes=100, modified_at="2026-11-21T12:00:09Z")
    assert download_file(Origin(), newer, tmp_path).read_bytes() == BODY


def test_what_is_there_stays_and_is_not_asked_for(tmp_path: Path) -> None:
    origin = Origin()
    download_file(origin, _file(), tmp_path)
    download_file(origin, _file(), tmp_path)
    assert origin.offsets == [0]


def test_what_changed_is_fetched_again(tmp_path: Path) -> None:
    target = download_file(Origin(), _file(), tmp_path)
    os.utime(target, (1, 1))
    origin = Origin()
    download_file(origin, _file(), tmp_path)
    assert origin.offsets == [0]


@pytest.mark.parametrize("size_bytes", [99, 101])
def test_another_size_than_was_said_is_no_download(tmp_path: Path, size_bytes: int) -> None:
    with pytest.raises(BrokenTransfer, match="has 100 bytes instead of"):
        download_file(Origin(), _file(size_bytes=size_bytes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_range_than_was_asked_for_is_no_download(tmp_path: Path) -> None:
    class Odd(Origin):
        @contextmanager
        def __call__(self, offset: int) -> Iterator[httpx.Response]:
            with super().__call__(offset) as answer:
                if offset:
                    answer.headers["Content-Range"] = "bytes 0-99/100"
                yield answer

    with pytest.raises(BrokenTransfer, match="another range"):
        download_file(Odd(breaks=(30,)), _file(), tmp_path)


def test_an_empty_file_is_made(tmp_path: Path) -> None:
    assert download_file(Origin(b""), _file(size_bytes=0), tmp_path).read_bytes() == b""


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/passwd",
        "a//b",
        "",
        ".",
        "a/./b",
        "a\\..\\b",
        "a\x00b",
        "a\nb",
        "a/",
        "C:\\x",
        "\ud800",
    ],
)
def test_a_name_that_would_climb_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafePath):
        local_path(tmp_path, name)


@given(st.text(st.sampled_from("./\\ab\x00~ -")))
def test_whatever_is_accepted_lies_inside(name: str) -> None:
    folder = Path("/nowhere/target")
    try:
        target = local_path(folder, name)
    except UnsafePath:
        return
    assert target.is_relative_to(folder)
    assert ".." not in target.parts
    assert target != folder


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")
    for name in ("sub/x", "file"):
        with pytest.raises(UnsafePath, match="symbolic link"):
            download_file(Origin(), _file(name), folder)
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_the_part_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / f".{_file()['path']}.100-1795262400.part").symlink_to(victim)
    with pytest.raises(BrokenTransfer, match="symbolic"):
        download_file(Origin(), _file(), tmp_path)
    assert not victim.exists()


def test_checkpoints_are_left_out_unless_wanted() -> None:
    files = [_file("checkpoint-500/optimizer.pt"), _file("adapter_config.json"), _file("checkpoint-notes.txt")]
    assert [file["path"] for file in wanted(files, checkpoints=False)] == [
        "adapter_config.json",
        "checkpoint-notes.txt",
    ]
    assert wanted(files, checkpoints=True) == files


def test_an_archive_that_breaks_off_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "job.tar"
    with pytest.raises(ServerUnreachable):
        download_archive(Origin(breaks=(10,))(0), target)
    assert not target.exists()
    assert download_archive(Origin()(0), target).read_bytes() == BODY


class _FullDisk(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packtrain.transport.download.open_part", lambda *_: _FullDisk())
    with pytest.raises(BrokenTransfer, match=f"cannot write {tmp_path}: No space left on device"):
        download_file(Origin(), _file(), tmp_path)
    with pytest.raises(BrokenTransfer, match="No space left on device"):
        download_archive(Origin()(0), tmp_path / "job.tar")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    with pytest.raises(BrokenTransfer, match=r"cannot write .*out"):
        download_file(Origin(), _file("a.bin"), tmp_path / "out")
    with pytest.raises(BrokenTransfer, match=r"cannot write .*out"):
        download_archive(Origin()(0), tmp_path / "out" / "job.tar")
