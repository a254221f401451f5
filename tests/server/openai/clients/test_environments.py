"""Pins of the clients' environments, and the guide's table of the clients."""

import re
from pathlib import Path

import pytest

from tests.server.openai.clients.environments import PINS

GUIDE = Path(__file__).parents[4] / "docs/user-guide.md"
CLIENTS = [path.stem.rpartition("-")[::2] for path in sorted(PINS.iterdir())]


@pytest.mark.parametrize(("name", "version"), CLIENTS)
def test_an_environment_has_the_exact_client_of_its_name(name: str, version: str) -> None:
    pins = (PINS / f"{name}-{version}.txt").read_text().splitlines()
    assert f"{name}=={version}" in pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9_.-]+==[0-9][a-z0-9.]*", pin)] == []


@pytest.mark.parametrize(("name", "version"), CLIENTS)
def test_the_guide_tells_the_versions_that_are_tried(name: str, version: str) -> None:
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| `{name}")]
    assert any(version in row for row in rows)
