"""`packtrain login` and `packtrain whoami`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packtrain.cli.main import app
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import TOKEN, Stub


@pytest.fixture
def home(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder for configuration, and no server in the environment."""
    monkeypatch.delenv("PACKTRAIN_URL")
    monkeypatch.delenv("PACKTRAIN_TOKEN")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    return tmp_path / "own"


def test_a_login_is_tried_and_kept_for_its_owner_alone(run: Run, stub: Stub, home: Path) -> None:
    result = CliRunner().invoke(app, ["login", "--url", f"{stub.url}/api/v1/"], input=f"{TOKEN}\n")
    assert result.exit_code == 0, result.output
    kept = home / "packtrain/env"
    assert kept.read_text(encoding="utf-8") == f"PACKTRAIN_URL={stub.url}\nPACKTRAIN_TOKEN={TOKEN}\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in result.output
    assert run("whoami").stdout.splitlines()[:2] == ["alice", f"  server  {stub.url} (from {kept})"]


@pytest.mark.parametrize(("token", "exit_code"), [("pt_wrong", 1), ("", 2), ("pt with\nlines", 2)])
def test_a_token_that_does_not_hold_is_not_kept(stub: Stub, home: Path, token: str, exit_code: int) -> None:
    result = CliRunner().invoke(app, ["login", "--url", stub.url], input=token)
    assert result.exit_code == exit_code
    assert not home.exists()


def test_a_folder_that_cannot_be_written_is_told(stub: Stub, home: Path) -> None:
    home.write_text("in the way", encoding="utf-8")
    result = CliRunner().invoke(app, ["login", "--url", stub.url], input=TOKEN)
    assert result.exit_code == 2
    assert "cannot write " in result.stderr


def test_whoami_as_json_is_the_apis(run: Run) -> None:
    assert json.loads(run("whoami", "--json").stdout)["name"] == "alice"
