"""What an archive may bring, and what is refused."""

import gzip
import tarfile
import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.archive.archives import as_tar, as_zip, tar_of
from tuning.datasets.archive.members import find_archive, list_members, read_members
from tuning.errors import InvalidInput

FILES = {"rows.jsonl": b"{}\n", "./pictures/cup 杯.jpg": b"jpg", "empty/x.png": b""}
PLENTY = 1_000_000


@pytest.mark.parametrize("content", [as_zip(FILES), *(as_tar(FILES, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz"))])
def test_every_kind_of_archive_is_read(content: bytes) -> None:
    stream = BytesIO(content)
    kind = find_archive(stream)
    assert kind is not None
    members = list_members(stream, kind, PLENTY)
    assert {(member.name, member.size_bytes) for member in members} == {
        ("rows.jsonl", 3),
        ("pictures/cup 杯.jpg", 3),
        ("empty/x.png", 0),
    }
    stream.seek(0)
    wanted = frozenset({"pictures/cup 杯.jpg", "empty/x.png"})
    read = {member.name: b"".join(pieces) for member, pieces in read_members(stream, kind, wanted)}
    assert read == {"pictures/cup 杯.jpg": b"jpg", "empty/x.png": b""}


@pytest.mark.parametrize("content", [b"", b'{"a": 1}\n', b"[]", b"PAR1", b"a,b\n1,2\n"])
def test_rows_are_no_archive(content: bytes) -> None:
    assert find_archive(BytesIO(content)) is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "a\nb", "x" * 600, "."])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"leads out of the archive|is no name of a file"):
        list_members(BytesIO(tar_of(tarfile.TarInfo(name), b"x")), "tar", PLENTY)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("x.jpg")
    info.type, info.linkname = kind, "rows.jsonl"
    with pytest.raises(InvalidInput, match="is no regular file"):
        list_members(BytesIO(tar_of(info)), "tar", PLENTY)


def test_a_link_in_a_zip_is_refused() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("x.jpg")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InvalidInput, match="is no regular file"):
        list_members(packed, "zip", PLENTY)


def test_what_unfolds_to_more_than_is_allowed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 1000 bytes together"):
        list_members(BytesIO(as_zip({"a.jpg": bytes(1001)})), "zip", 1000)


def test_more_files_than_are_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.datasets.archive.members.MAX_MEMBERS", 2)
    with pytest.raises(InvalidInput, match="more than 2 files"):
        list_members(BytesIO(as_tar(FILES)), "tar", PLENTY)


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in it twice"):
        list_members(BytesIO(as_tar({"a.jpg": b"", "./a.jpg": b""})), "tar", PLENTY)


def test_what_file_managers_add_is_left_out() -> None:
    litter = {"__MACOSX/._a.jpg": b"", "x/.DS_Store": b"", "a.jpg": b""}
    assert [member.name for member in list_members(BytesIO(as_zip(litter)), "zip", PLENTY)] == ["a.jpg"]


def test_a_compressed_file_of_rows_is_told_for_what_it_is() -> None:
    packed = gzip.compress(b'{"instruction": "a", "output": "b"}')
    with pytest.raises(InvalidInput, match="holds no tar that can be read"):
        list_members(BytesIO(packed), "tar", PLENTY)


@given(st.sampled_from([as_tar(FILES), as_tar(FILES, "w:gz"), as_zip(FILES)]), st.data())
def test_a_damaged_archive_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    stream = BytesIO(damaged[: data.draw(st.integers(0, len(damaged)))])
    kind = find_archive(stream)
    if kind is None:
        return
    with suppress(InvalidInput):
        names = frozenset(member.name for member in list_members(stream, kind, PLENTY))
        stream.seek(0)
        for _, pieces in read_members(stream, kind, names):
            assert sum(map(len, pieces)) <= PLENTY
