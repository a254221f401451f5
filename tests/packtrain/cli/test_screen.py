import os
import pty
import re
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


LIST = """
from tests.packtrain.stub_server import job_json
from packtrain.cli.commands.jobs.job_list import show_jobs
sweep = [f"qwen3-8b wmt ja-en lora sweep lr={rate} rank=64" for rate in ("1e-5", "2e-5")]
show_jobs([job_json(id=f"job_{n:020}", name=name, progress={"status": "failed"}) for n, name in enumerate(sweep)])
"""
LONG = """
from packtrain.cli.screen import say, say_text
say("  -> " + "word " * 12 + "w" * 50)
say_text("x " * 40)
"""


def _on_a_terminal(columns: int, program: str = DRAW) -> list[str]:
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with os.fdopen(master, "rb", buffering=0) as screen:
        process = subprocess.run([sys.executable, "-c", program], env=environment, stdout=slave, check=True)
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


def test_jobs_fit_a_narrow_terminal_and_their_names_differ() -> None:
    head, *rows = _on_a_terminal(80, LIST)
    assert "\x1b[1;31mfailed" in rows[0]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (head, *rows)]
    assert all(len(line) <= 80 for line in plain)
    # beginnings that tell the two apart, however much alike they are
    assert plain[1].startswith(f"job_{0:020}  qwe")
    assert "1e-5 rank=64  failed" in plain[1]
    assert "2e-5 rank=64  failed" in plain[2]


def test_long_lines_are_broken_between_words_and_texts_are_not() -> None:
    first, second, third, text = _on_a_terminal(40, LONG)
    assert first == "  -> word word word word word word word"
    assert second == "    word word word word word"
    assert third == "    " + "w" * 50
    assert text == "x " * 40
