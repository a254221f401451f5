"""Contents of an archive: which of its files holds the rows, and what its dataset_info.json says of it."""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from tuning.datasets.archive.members import Archive, Member, list_members, read_members
from tuning.errors import Finding, InvalidInput

REGISTER = "dataset_info.json"
_ROWS = (".jsonl", ".json", ".parquet", ".csv", ".tsv", ".txt")
_MAX_REGISTER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Contents:
    """Files of an archive by their part."""

    rows: str
    """The file of rows."""
    media: frozenset[str]
    """All others, which rows may name."""
    entry: dict[str, Any] | None
    """Entry of the archive's own dataset_info.json for the rows."""
    size_bytes: int
    """Of all of them."""


def find_contents(stream: BinaryIO, archive: Archive, most_bytes: int) -> Contents:
    """Contents of an archive. Raises InvalidInput where it is not one file of rows with files beside it."""
    members = {member.name: member for member in list_members(stream, archive, most_bytes)}
    stream.seek(0)
    register = _register(stream, archive, members)
    rows = _rows_file(list(members), register)
    entry = register.get(rows) if rows in register else None
    media = frozenset(name for name in members if name != rows and posixpath.basename(name) != REGISTER)
    return Contents(rows, media, entry, sum(member.size_bytes for member in members.values()))


def _rows_file(names: Sequence[str], register: dict[str, dict[str, Any]]) -> str:
    """The one that a register names, else the one that lies highest among those with the ending of rows."""
    found = [name for name in names if name in register] or _highest(names)
    if len(found) == 1:
        return found[0]
    shown = ", ".join(sorted(found)[:5])
    message = f"{len(found)} files could be the rows: {shown}" if found else "there is no file of rows in it"
    hint = "put one .jsonl, .json, .parquet or .csv into it, above or beside the folders of images, videos and audios"
    raise InvalidInput([Finding(("file",), f"the archive: {message}", hint)])


def _highest(names: Sequence[str]) -> list[str]:
    rows = [name for name in names if name.lower().endswith(_ROWS) and posixpath.basename(name) != REGISTER]
    top = min((name.count("/") for name in rows), default=0)
    highest = [name for name in rows if name.count("/") == top]
    return [name for name in highest if not name.lower().endswith(".txt")] or highest


def _register(stream: BinaryIO, archive: Archive, members: dict[str, Member]) -> dict[str, dict[str, Any]]:
    """Entries of the archive's dataset_info.json, by the files that they name and that are there."""
    found = [name for name in members if posixpath.basename(name) == REGISTER]
    if len(found) != 1 or members[found[0]].size_bytes > _MAX_REGISTER_BYTES:
        return {}
    text = b"".join(piece for _, pieces in read_members(stream, archive, frozenset(found)) for piece in pieces)
    stream.seek(0)
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the archive: {found[0]!a} is no JSON"
        raise InvalidInput([Finding(("file",), message, "mend it, or leave it out")]) from error
    folder = posixpath.dirname(found[0])
    named = [entry for entry in entries.values() if isinstance(entry, dict)] if isinstance(entries, dict) else []
    files = {posixpath.normpath(posixpath.join(folder, str(entry.get("file_name")))): entry for entry in named}
    return {name: entry for name, entry in files.items() if name in members}
