"""Commands that only look at a database make none where there is none."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from packtrain.cli.main import app


@pytest.mark.parametrize("command", [["storage"], ["token", "list"]])
def test_what_is_not_there_is_told_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    file = tmp_path / "nowhere.db"
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", f"sqlite:///{file}")
    done = CliRunner().invoke(app, command)
    assert done.exit_code != 0
    assert f"there is no database {file}" in done.output
    assert not file.exists()
