"""The archive is one that tar reads, of the size that was told."""

import io
import tarfile
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from server.tar_stream import Member, archive, archive_size
from tests.factories import NOON

NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=150)
FILES = st.dictionaries(NAMES.filter(lambda name: name not in {".", ".."}), st.binary(max_size=2000), max_size=5)


@given(FILES)
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    members = [Member(f"job_1/{name}", len(content), NOON, name) for name, content in files.items()]

    def read(member: Member) -> Iterator[bytes]:
        content = files[member.path]
        yield content[:700]
        yield content[700:]

    made = b"".join(archive(members, read))
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
