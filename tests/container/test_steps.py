import os
import pty
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEPS = """
from container.steps import say, step
with step("one"):
    pass
with step("two"):
    say("in between")
"""
OVER = "\x1b[1A\x1b[2K"


def test_on_a_terminal_the_end_of_a_step_replaces_its_announcement() -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    with os.fdopen(master, "rb", buffering=0) as screen:
        subprocess.run([sys.executable, "-c", STEPS], env=environment, stdout=slave, check=True)
        os.close(slave)
        lines = screen.read(100_000).decode().splitlines()
    assert lines == ["one ...", f"{OVER}one: 0 s", "two ...", "in between", "two: 0 s"]


def test_elsewhere_every_line_stays() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", STEPS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["one ...", "one: 0 s", "two ...", "in between", "two: 0 s"]
