import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from packtrain.cli.screen import listing

ROOT = Path(__file__).parents[3]
DRAW = """
from packtrain.cli.screen import table
table(("JOB", "NAME", "AGE"), [("job_0123456789", "n" * 200, "1 min"), ("job_1", "日本語 [red]x", "2 d")])
"""


def _on_a_terminal(columns: int) -> list[str]:
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with os.fdopen(master, "rb", buffering=0) as screen:
        process = subprocess.run([sys.executable, "-c", DRAW], env=environment, stdout=slave, check=True)
        os.close(slave)
        assert process.returncode == 0
        return screen.read(100_000).decode().splitlines()


def test_a_list_of_nothing_says_so_and_leaves_stdout_empty(capfd: pytest.CaptureFixture[str]) -> None:
    listing("jobs", ("JOB", "NAME"), [])
    assert capfd.readouterr() == ("", "no jobs\n")


@pytest.mark.parametrize("columns", [60, 90])
def test_on_a_terminal_the_widest_column_gives_way(columns: int) -> None:
    lines = _on_a_terminal(columns)
    assert len(lines) == 3
    assert lines[1].startswith("job_0123456789  nnn")
    assert lines[1].endswith("n…  1 min")
    assert len(lines[1]) == columns
    assert "日本語 [red]x" in lines[2]
