"""`--entry`: a dataset_info.json entry, as JSON or as a file that holds it."""

import json
from pathlib import Path
from typing import Any

import typer

MAX_BYTES = 1024 * 1024


def read_entry(given: str | None) -> tuple[str | None, dict[str, Any] | None]:
    """Name and entry of `{...}`, FILE or FILE#NAME; of a file that holds several, NAME says which.

    Raises typer.BadParameter.
    """
    if given is None:
        return None, None
    if given.lstrip().startswith("{"):
        return None, _mapping(given, "--entry")
    path, _, name = given.partition("#")
    found = _mapping(_text(Path(path)), path)
    entries = {key: value for key, value in found.items() if isinstance(value, dict) and _is_entry(value)}
    if name:
        if name not in entries:
            raise typer.BadParameter(f"{path} has no entry {name!r}; it has: {', '.join(sorted(entries)) or 'none'}")
        return name, entries[name]
    if len(entries) == 1 and len(found) == 1:
        return next(iter(entries.items()))
    if len(entries) > 1:
        raise typer.BadParameter(
            f"{path} has several entries: write {path}#NAME with one of {', '.join(sorted(entries))}"
        )
    return None, found


def _is_entry(value: dict[str, Any]) -> bool:
    return bool(value.keys() & {"file_name", "hf_hub_url", "ms_hub_url", "columns", "formatting", "ranking"})


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise typer.BadParameter(f"{path} is larger than {MAX_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is no UTF-8 text") from error


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{where} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{where} is no JSON object")
    return found
