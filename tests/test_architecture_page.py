"""docs/architecture.md names files and folders that are there, and every folder of the service."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_NAMED = re.compile(
    r"(?<![\w/])((?:container|docs|migrations|ops|packtrain|server|templates|tests|tuning|worker)/[\w./]*)"
)


def test_every_file_and_folder_is_there() -> None:
    named = _NAMED.findall(PAGE)
    assert len(named) > 70
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_module_above_the_tree_is_told_of() -> None:
    layers = {path.name for path in (ROOT / "tuning").iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert {name for name in layers if f"tuning/{name}/" not in PAGE} == set()


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) < 130
