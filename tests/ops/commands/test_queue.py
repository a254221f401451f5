"""`packtrain simulate`: the table, the picture, and a sentence for a file that is no workload."""

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from packtrain.cli.main import app

WORKLOAD = Path(__file__).parents[2] / "fixtures" / "workloads" / "small.swf"


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


def test_a_workload_is_told_as_a_table() -> None:
    result = simulate(str(WORKLOAD), "--load", "0.9")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["order", "FIFO", "EASY", "packtrain"]
    assert "7 jobs of 3 people" in result.stderr
    assert "left out 2 that never ran or do not fit; limits made up for 1" in result.stderr.replace("\n", " ")


def test_a_packed_one_is_the_same(tmp_path: Path) -> None:
    packed = tmp_path / "small.swf.gz"
    packed.write_bytes(gzip.compress(WORKLOAD.read_bytes()))
    assert simulate(str(packed)).stdout == simulate(str(WORKLOAD)).stdout


def test_groups_are_teams_where_it_is_said() -> None:
    assert simulate(str(WORKLOAD), "--teams").exit_code == 0


def test_a_picture_is_written_where_it_is_said(tmp_path: Path) -> None:
    result = simulate(str(WORKLOAD), "--out", str(tmp_path / "queue.svg"))
    assert result.exit_code == 0
    assert (tmp_path / "queue.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b,c\n1,2,3\n", "line 1: 1 fields in place of 18"),
        (b"", "no workload"),
        (b"\xff\xfe\x00" * 100, "line 1"),
        (b"\x1f\x8bnot gzip", "it is not whole"),
        (gzip.compress(WORKLOAD.read_bytes())[:200], "it is not whole"),
    ],
)
def test_what_is_no_workload_is_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "trace.swf"
    file.write_bytes(content)
    result = simulate(str(file))
    assert (result.exit_code, "Traceback" in result.stderr) == (1, False)
    assert words in result.stderr


@pytest.mark.parametrize("option", [("--load", "0"), ("--load", "nan"), ("--half-life", "nan"), ("--overdue", "nan")])
def test_a_number_that_cannot_be_is_a_sentence(option: tuple[str, str]) -> None:
    result = simulate(str(WORKLOAD), *option)
    assert (result.exit_code, option[1] in result.stderr) == (1, True)
