"""serve, work, migrate on a bad day: a sentence and an exit code, no traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from packtrain.cli.main import app
from tuning.db.engine import open_engine
from tuning.migrate import upgrade

PATIENCE_SECONDS = 60.0
CLUSTER = '[clusters.lab]\nhost = "h"\nuser = "u"\nkey_file = "k"\nknown_hosts_file = "h"\nroot = "/r"\nimage = "/i"\n'


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and which nobody else takes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_migrate_without_its_database_is_a_sentence(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", f"postgresql+psycopg://u:hidden@127.0.0.1:{closed_port}/d")
    result = CliRunner().invoke(app, ["migrate"])
    assert result.exit_code == 1
    assert f"the database postgresql+psycopg://u:***@127.0.0.1:{closed_port}/d cannot be used" in result.stderr
    assert "hidden" not in result.stderr
    assert "Traceback" not in result.stderr


def test_migrate_where_no_file_can_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", f"sqlite:///{tmp_path}/file/packtrain.db")
    result = CliRunner().invoke(app, ["migrate"])
    assert (result.exit_code, "cannot be used" in result.stderr) == (1, True)


def test_migrate_of_a_newer_database_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/packtrain.db"
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    engine.dispose()
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", url)
    result = CliRunner().invoke(app, ["migrate"])
    assert (result.exit_code, "a newer packtrain has migrated it" in result.stderr) == (1, True)


@pytest.mark.parametrize("program", ["server", "worker"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PACKTRAIN_LOG_LEVEL", "loud", "PACKTRAIN_LOG_LEVEL must be one of debug, info, warning, error"),
        ("PACKTRAIN_DATABASE_URL", "mysql://x", "packtrain has no driver for mysql"),
        ("PACKTRAIN_DATABSE_URL", "sqlite:///x.db", "did you mean PACKTRAIN_DATABASE_URL?"),
    ],
)
def test_a_program_with_a_wrong_setting_ends_with_a_sentence(program: str, name: str, value: str, words: str) -> None:
    code, said = ended(program, {name: value})
    assert (code, words in said, "Traceback" in said) == (1, True, False)


def test_a_worker_on_a_database_without_tables_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "clusters.toml").write_text(CLUSTER, encoding="utf-8")
    its = {
        "PACKTRAIN_DATABASE_URL": f"sqlite:///{tmp_path}/packtrain.db",
        "PACKTRAIN_CLUSTERS_FILE": str(tmp_path / "clusters.toml"),
    }
    code, said = ended("worker", its)
    assert (code, "run `packtrain migrate`" in said, "Traceback" in said) == (1, True, False)


def ended(program: str, settings: dict[str, str]) -> tuple[int, str]:
    """Exit code and last words of a program with these settings alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PACKTRAIN_")}
    done = subprocess.run(
        [sys.executable, "-m", program],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr
