from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from packtrain.cli.main import app


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a migrated database, which the settings name."""
    _settle_in(tmp_path / "there", monkeypatch)
    assert _run("migrate").exit_code == 0
    assert _run("token", "create", "alice").exit_code == 0
    return tmp_path


def _settle_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", f"sqlite:///{folder / 'packtrain.db'}")
    monkeypatch.setenv("PACKTRAIN_DATA_DIR", str(folder / "data"))


def test_a_backup_is_taken_and_brought_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(folder / "monday.tar")
    taken = _run("backup", file)
    assert (taken.exit_code, taken.stdout) == (0, "")
    assert f"{file} holds the database and 0 uploads" in taken.stderr
    assert "PACKTRAIN_SECRETS_KEY" in taken.stderr
    _settle_in(folder / "here", monkeypatch)
    restored = _run("restore", file)
    assert restored.exit_code == 0
    assert "the database and 0 uploads are back, as of" in restored.stderr
    assert "next: " in restored.stderr
    assert "alice" in _run("token", "list").stdout


def test_a_restore_over_a_database_is_refused_in_two_lines(folder: Path) -> None:
    file = str(folder / "monday.tar")
    _run("backup", file)
    refused = _run("restore", file)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: there is a database already")
    assert len(refused.stderr.splitlines()) == 2


def test_a_copy_says_how_many_rows_each_table_has(folder: Path) -> None:
    copied = _run("database", "copy", f"sqlite:///{folder / 'copy.db'}")
    assert copied.exit_code == 0
    assert "         1 users" in copied.stdout.splitlines()
    assert "PACKTRAIN_DATABASE_URL" in copied.stderr
