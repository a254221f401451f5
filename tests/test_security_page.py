"""docs/security.md names files that are there, and every defence names the test that holds it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_FILE = re.compile(r"`((?:server|tuning|worker|ops|packtrain|templates|tests)/[^`]+)`")


def test_every_file_is_there() -> None:
    named = _FILE.findall(PAGE)
    assert len(named) > 50
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_row_of_defences_names_a_file_and_a_test() -> None:
    rows = [line for table in PAGE.split("| defence |")[1:] for line in table.split("\n\n")[0].splitlines()[2:]]
    assert len(rows) > 20
    for row in rows:
        _, _, files, tests, _ = row.split("|")
        assert _FILE.findall(files), row
        assert all(name.startswith("tests/") for name in _FILE.findall(tests)), row
        assert _FILE.findall(tests), row
