"""Shortened forms of large fields, so that the size of a page of a list is bounded. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ELLIPSIS = "…"


def shortened(fields: Mapping[str, Any], most_bytes: Mapping[str, int]) -> tuple[dict[str, Any], list[str]]:
    """The fields, each with no more JSON than it may have, and the names of those of which something was left out.

    Of an object its first entries that fit are kept, of a list its last items (the newest), of a text its beginning;
    what is small stays as it is.
    """
    short = {name: _fitting(fields[name], most_bytes[name]) for name in most_bytes if fields.get(name) is not None}
    changed = [name for name, value in short.items() if value != fields[name]]
    return {**fields, **short}, changed


def _fitting(value: Any, most_bytes: int) -> Any:
    if _json_bytes(value) <= most_bytes:
        return value
    if isinstance(value, str):
        return _beginning(value, most_bytes)
    if isinstance(value, Mapping):
        return dict(_fitting_entries(value, most_bytes))
    if isinstance(value, Sequence):
        return list(_fitting_items(value, most_bytes))[::-1]
    return value


def _beginning(text: str, most_bytes: int) -> str:
    # of six bytes at most is an escaped character, of twelve a pair of surrogates
    return text[: max(0, most_bytes - 8) // 12] + _ELLIPSIS


def _fitting_entries(entries: Mapping[str, Any], most_bytes: int) -> Iterator[tuple[str, Any]]:
    left = most_bytes - 2
    for key, value in entries.items():
        size = _json_bytes(key) + _json_bytes(value) + 4
        if size <= left:
            left -= size
            yield key, value


def _fitting_items(items: Sequence[Any], most_bytes: int) -> Iterator[Any]:
    """The last ones that fit, the very last first."""
    left = most_bytes - 2
    for item in reversed(items):
        left -= _json_bytes(item) + 2
        if left < 0:
            return
        yield item


def _json_bytes(value: Any) -> int:
    return len(json.dumps(value, default=str))
