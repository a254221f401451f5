"""Bytes from a cluster: what may be read, and how much of it at once."""

import os
from pathlib import Path

import pytest

from server.clusters.files import ClusterFiles, exactly, look_at, only_file
from tests.factories import Seconds, make_cluster_settings
from tests.local_transport import LocalTransport
from tuning.errors import NotAllowed, NotFound, RemoteFileError
from tuning.ssh.checked_files import FileRange, send_files
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "it's the output"
    folder.mkdir()
    return folder


def test_a_look_tells_size_time_and_place_of_many_in_one_command(folder: Path) -> None:
    names = ["plain", "with space", "sub/deep.bin", "quo'te", "new\nline", "損失.json", "-n", "$(id)"]
    (folder / "sub").mkdir()
    for number, name in enumerate(names):
        (folder / name).write_bytes(b"x" * number)
        os.utime(folder / name, (5, 1_000_000 + number))
    transport = LocalTransport()
    found = look_at(transport, str(folder.parent), str(folder), names)
    assert {name: file.size_bytes for name, file in found.items()} == {
        name: number for number, name in enumerate(names)
    }
    assert found["sub/deep.bin"].modified_at.timestamp() == 1_000_002
    assert found["sub/deep.bin"].path == str(folder / "sub/deep.bin")
    assert len(transport.commands) == 1


def test_a_banner_in_front_does_no_harm(folder: Path) -> None:
    (folder / "plain").write_bytes(b"abc")
    transport = LocalTransport(banner=b"Welcome!\nPlease rest.\n")
    assert only_file(transport, str(folder.parent), str(folder), "plain").size_bytes == 3


def test_what_is_gone_is_left_out(folder: Path) -> None:
    (folder / "plain").write_bytes(b"abc")
    assert look_at(LocalTransport(), str(folder.parent), str(folder), ["gone", "plain"]).keys() == {"plain"}
    with pytest.raises(NotFound, match="gone is no longer"):
        only_file(LocalTransport(), str(folder.parent), str(folder), "gone")


def test_a_folder_that_is_gone_has_no_file(folder: Path) -> None:
    with pytest.raises(NotFound, match="no longer on the cluster"):
        only_file(LocalTransport(), str(folder.parent), str(folder / "gone"), "plain")


def test_a_root_that_is_gone_is_said_so(folder: Path) -> None:
    with pytest.raises(RemoteFileError, match="cannot look into"):
        only_file(LocalTransport(), str(folder / "gone"), str(folder / "gone/jobs"), "plain")


def test_what_is_no_plain_file_of_the_folder_is_not_allowed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"key")
    (folder / "real").write_bytes(b"abc")
    (folder / "inside").symlink_to("real")
    (folder / "outside").symlink_to("../secret")
    (folder / "way").symlink_to(tmp_path)
    (folder / "second").hardlink_to(tmp_path / "secret")
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe")
    for path in ("inside", "outside", "way/secret", "../secret", "second", "sub", "pipe"):
        with pytest.raises(NotAllowed, match="link"):
            only_file(LocalTransport(), str(tmp_path), str(folder), path)
    assert look_at(LocalTransport(), str(tmp_path), str(folder), ["real"]).keys() == {"real"}


def test_the_root_itself_may_lie_behind_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "plain").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path)
    link = str(tmp_path / "link")
    assert only_file(LocalTransport(), link, f"{link}/{folder.name}", "plain").size_bytes == 3


@pytest.mark.parametrize("epoch", [-1, -(2**63), 2**63, 253_402_300_800])
def test_a_time_that_is_none_is_no_fault(epoch: int) -> None:
    def answer(command: str, _stdin: bytes) -> Completed:
        boundary = command.split()[2]
        return Completed(f"\n{boundary}\n3 {epoch}\0".encode(), b"", 0)

    found = only_file(FakeTransport(answer), "/root", "/root/jobs", "plain")
    assert found.modified_at.year in (1970, 9999)
    assert found.etag


@pytest.mark.parametrize("answer", ["", "Welcome!\n", "\n{}\n", "\n{}\n3 5\x00", "\n{}\n3 5\x003 1"])
def test_an_answer_that_is_cut_short_is_no_answer(answer: str) -> None:
    def cut_short(command: str, _stdin: bytes) -> Completed:
        return Completed(answer.format(command.split()[2]).encode(), b"", 0)

    with pytest.raises(RemoteFileError, match="cut short"):
        look_at(FakeTransport(cut_short), "/root", "/root/out", ["one", "two"])


def test_a_changed_file_has_another_tag(folder: Path) -> None:
    (folder / "plain").write_bytes(b"abc")
    before = only_file(LocalTransport(), str(folder.parent), str(folder), "plain").etag
    os.utime(folder / "plain", (5, 5))
    assert only_file(LocalTransport(), str(folder.parent), str(folder), "plain").etag != before


def test_a_file_that_became_shorter_is_not_passed_off_as_whole() -> None:
    assert b"".join(exactly(iter([b"ab", b"c"]), 3)) == b"abc"
    with pytest.raises(RemoteFileError, match="1 bytes are missing"):
        list(exactly(iter([b"ab", b"c"]), 4))


def test_what_cannot_be_read_is_said_before_the_first_chunk(tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError):
        exactly(send_files(LocalTransport(), str(tmp_path), [FileRange(f"{tmp_path}/gone", 0, 3)]), 3)


class TestTheConnection:
    def test_one_connection_is_opened_when_needed_and_kept(
        self, files: ClusterFiles, opened: list[LocalTransport]
    ) -> None:
        assert opened == []
        for _ in range(3):
            with files.transfer("lab", "ada"):
                pass
        assert len(opened) == 1
        files.close()
        assert opened[0].is_closed

    def test_a_cluster_that_the_settings_no_longer_name(self, files: ClusterFiles) -> None:
        with pytest.raises(NotFound, match="no cluster gone"), files.transfer("gone", "ada"):
            pass

    @pytest.fixture
    def opened(self) -> list[LocalTransport]:
        return []

    @pytest.fixture
    def files(self, opened: list[LocalTransport], seconds: Seconds) -> ClusterFiles:
        def connect(_settings: object) -> LocalTransport:
            opened.append(LocalTransport())
            return opened[-1]

        return ClusterFiles({"lab": make_cluster_settings()}, connect, monotonic=seconds)
