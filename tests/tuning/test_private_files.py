"""Nobody else's account reads the database or the uploads."""

import os
from pathlib import Path

import pytest

from tuning.migrate import upgrade
from tuning.private_files import close_database_to_others, make_private_folder


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        upgrade(f"sqlite:///{tmp_path}/new/packtrain.db")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new/packtrain.db") == 0o600


def test_an_old_one_and_what_lies_beside_it_are_closed(tmp_path: Path) -> None:
    files = [tmp_path / f"packtrain.db{ending}" for ending in ("", "-wal", "-shm")]
    for path in files:
        path.touch(mode=0o644)
    close_database_to_others(f"sqlite:///{tmp_path}/packtrain.db")
    assert {mode_of(path) for path in files} == {0o600}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://x@localhost/y"])
def test_a_database_without_a_file_closes_no_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / name for name in (":memory:", "None", "y")]
    for path in files:
        path.touch()
        path.chmod(0o644)
    close_database_to_others(url)
    assert {mode_of(path) for path in files} == {0o644}


def test_the_data_folder_is_made_private_and_an_old_one_too(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for folder in (tmp_path / "old", tmp_path / "a" / "new"):
        make_private_folder(folder)
        assert mode_of(folder) == 0o700
