"""Blocks behind `<!-- run -->` of the README and the user guide, run as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.site import ENDED, PATIENCE_SECONDS, Site

ROOT = Path(__file__).parents[3]
MARKED = re.compile(
    r"^<!-- run(?P<refused>: refused)? -->\n```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.M | re.S
)
PROBLEM = re.compile(r'"status": ?4\d\d')
NEXT = "=== next example"


@dataclass(frozen=True)
class Example:
    """A block of a document that is to be run."""

    place: str
    command: str
    is_refused: bool
    """It shows an error of the API."""


def examples(name: str) -> list[Example]:
    """The marked blocks of a document, in their order."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [_example(name, text, match) for match in MARKED.finditer(text)]


@pytest.fixture
def folder(tmp_path: Path, site: Site) -> Iterator[Path]:
    """A folder as a checkout: the examples, and `packtrain` and `python` on the path. No job of it is left running."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "bin").mkdir()
    for word, command in (("packtrain", "-m packtrain"), ("python", "")):
        program = tmp_path / "bin" / word
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        program.chmod(0o755)
    yield tmp_path
    with site.client() as client:
        for job in client.jobs(limit=500)["data"]:
            if job["status"] not in ENDED:
                client.cancel(job["id"])


@pytest.mark.parametrize("name", ["README.md", "docs/user-guide.md"])
def test_the_examples_do_what_they_say(name: str, folder: Path, site: Site) -> None:
    wanted = examples(name)
    assert wanted
    script = "\n".join(["set -euo pipefail", *(f"echo; echo '{NEXT}'\n{one.command}" for one in wanted)])
    environment = {
        **os.environ,
        **site.env(),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    answers = done.stdout.split(NEXT)[1:]
    assert done.returncode == 0, f"{wanted[len(answers) - 1].place}: {done.stderr[-2000:]}\n{answers[-1][-2000:]}"
    for example, answer in zip(wanted, answers, strict=True):
        assert bool(PROBLEM.search(answer)) == example.is_refused, f"{example.place}: {answer[-2000:]}"


def _example(name: str, text: str, match: re.Match[str]) -> Example:
    line = text.count("\n", 0, match.start()) + 2
    python = f"python - <<'END OF PYTHON'\n{match['text']}END OF PYTHON"
    return Example(
        f"{name}:{line}", match["text"] if match["language"] == "sh" else python, match["refused"] is not None
    )
