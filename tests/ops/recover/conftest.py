"""A cluster whose packtrain has lost its database."""

from pathlib import Path

import pytest

from tests.ops.recover.lost_database import LostDatabase


@pytest.fixture
def lost(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> LostDatabase:
    """With an empty database in the place of the lost one."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return LostDatabase(tmp_path, sqlite_template)
