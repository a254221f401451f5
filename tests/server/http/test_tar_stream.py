"""The archive is one that tar reads, of the size that was told."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.tar_stream import Member, archive, archive_size
from tests.factories import NOON
from tuning.errors import RemoteFileError

NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=150)
FILES = st.dictionaries(NAMES.filter(lambda name: name not in {".", ".."}), st.binary(max_size=2000), max_size=5)


@given(FILES, st.integers(1, 700))
def test_what_goes_in_comes_out(files: dict[str, bytes], chunk_bytes: int) -> None:
    members = [Member(f"job_1/{name}", len(content), NOON, name) for name, content in files.items()]
    whole = b"".join(files.values())
    chunks = [whole[start : start + chunk_bytes] for start in range(0, len(whole), chunk_bytes)]

    made = b"".join(archive(members, iter(chunks)))
    assert len(made) == archive_size(members)
    with tarfile.open(fileobj=io.BytesIO(made)) as opened:
        found = {info.name: opened.extractfile(info) for info in opened}
        assert {name: file.read() for name, file in found.items() if file} == {
            f"job_1/{name}": content for name, content in files.items()
        }
        assert all(info.mtime == NOON.timestamp() for info in opened)


def test_a_file_over_8_gigabytes_has_a_header() -> None:
    member = Member("job_1/model.safetensors", 20 * 1024**3, NOON, "model.safetensors")
    assert archive_size([member]) > 20 * 1024**3


def test_contents_that_end_early_are_not_passed_off_as_whole() -> None:
    members = [Member("job_1/a", 3, NOON, "a"), Member("job_1/b", 3, NOON, "b")]
    with pytest.raises(RemoteFileError, match="b changed"):
        list(archive(members, iter([b"", b"aaab"])))
