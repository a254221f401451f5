import pytest

from tests import transcripts
from tests.transcripts import Transcript


@pytest.mark.parametrize("version", transcripts.VERSIONS)
def test_every_file_reads_back_as_it_was_written(version: str) -> None:
    names = transcripts.names(version)
    assert len(names) > 40
    for name in names:
        found = transcripts.read(version, name)
        path = transcripts.HERE / version / f"{name}.txt"
        assert found.text().encode() == path.read_bytes()


def test_a_stream_without_a_last_newline_survives() -> None:
    assert Transcript("x", 1, "a", "b").text().endswith("--- stdout\na--- stderr\nb")
