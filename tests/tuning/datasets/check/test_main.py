"""The check as a program, which needs neither a database nor anything that is installed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.datasets.files import alpaca, as_lines, check, ranked
from tuning.datasets.check.__main__ import main

ROOT = Path(__file__).parents[4]


def test_it_prints_the_report_and_the_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = as_lines([alpaca(), alpaca(output=None)])
    said, status = _run(tmp_path, capsys, content, "--cutoff-len", "512")
    assert status == 0
    expected = check(content)
    assert said["report"] == json.loads(json.dumps(expected.report.as_json()))
    assert said["entry"] == expected.entry
    assert said["truncation"]["rows_at_most"] == 0


def test_it_prints_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, status = _run(tmp_path, capsys, as_lines([alpaca()]) + b"{\n")
    assert status == 1
    assert said["findings"][0]["message"].startswith("row 2 (line 2): not valid JSON")


def test_it_reads_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, _ = _run(tmp_path, capsys, b"instruction,output\na,b\n")
    assert (said["report"]["made_from"], said["report"]["rows"]) == ("csv", 1)


def test_it_holds_a_purpose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, _ = _run(tmp_path, capsys, as_lines([{**ranked(), "output": "a"}]), "--purpose", "sft")
    assert said["report"]["purpose"] == "sft"


def test_it_runs_on_the_standard_library_alone(tmp_path: Path) -> None:
    """As on a cluster, where only these files are: -S hides all that is installed."""
    file = tmp_path / "rows.jsonl"
    file.write_bytes(as_lines([alpaca()]))
    command = [sys.executable, "-S", "-m", "tuning.datasets.check", str(file)]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["report"]["kept"] == 1


def _run(folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, *options: str) -> tuple[dict[str, Any], int]:
    file = folder / "rows"
    file.write_bytes(content)
    status = main([str(file), *options])
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said, status
