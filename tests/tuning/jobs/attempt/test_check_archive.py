"""Our source as one file."""

import io
import zipfile

from tuning.jobs.attempt.check_archive import check_archive


def test_the_same_source_gives_the_same_bytes() -> None:
    first = check_archive()
    check_archive.cache_clear()
    assert check_archive() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_holds_the_check_and_nothing_that_needs_a_database() -> None:
    with zipfile.ZipFile(io.BytesIO(check_archive())) as archive:
        names = archive.namelist()
        texts = {name: archive.read(name).decode() for name in names}
    assert {"__main__.py", "tuning/__init__.py", "tuning/errors.py", "tuning/datasets/check/cluster_program.py"} <= set(
        names
    )
    assert [name for name, text in texts.items() if "import sqlalchemy" in text or "from sqlalchemy" in text] == []
