"""`--entry` as JSON, a file, or an entry of a file."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from packtrain.cli.request.dataset_entry import read_entry

ONE: dict[str, Any] = {"file_name": "a.json", "columns": {"prompt": "q", "response": "a"}}
TWO: dict[str, Any] = {"file_name": "b.json", "formatting": "sharegpt"}


def written(folder: Path, content: Any) -> str:
    path = folder / "dataset_info.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_an_entry_comes_as_text_or_from_a_file(tmp_path: Path) -> None:
    assert read_entry(None) == (None, None)
    assert read_entry(json.dumps(ONE)) == (None, ONE)
    assert read_entry(written(tmp_path, ONE)) == (None, ONE)
    assert read_entry(written(tmp_path, {"one": ONE})) == ("one", ONE)
    assert read_entry(f"{written(tmp_path, {'one': ONE, 'two': TWO})}#two") == ("two", TWO)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ({"one": ONE, "two": TWO}, "", "several entries"),
        ({"one": ONE}, "#three", "has no entry 'three'"),
        ("{", "", "no JSON"),
        ("[]", "", "no JSON object"),
        (" " * (1024 * 1024 + 1), "", "larger"),
    ],
)
def test_what_is_no_entry_is_told(tmp_path: Path, content: Any, name: str, words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        read_entry(written(tmp_path, content) + name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="No such file"):
        read_entry(str(tmp_path / "gone.json"))
