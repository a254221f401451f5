"""Bounds of strangers' texts and numbers: JSON and the columns of both databases can hold them. Pure and total."""

import math
from collections.abc import Mapping
from typing import Any

LARGEST_INTEGER = 2**31 - 1
"""PostgreSQL's integer."""
LARGEST_BIGINT = 2**63 - 1
"""PostgreSQL's bigint, and SQLite's only integer."""
_MAX_DEPTH = 40


def storable_text(text: str, most: int) -> str:
    """At most so many characters, with U+FFFD for NUL and lone surrogates: PostgreSQL and UTF-8 have neither."""
    return text[:most].replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable_line(text: str, most: int) -> str:
    """A text of one line: whatever cannot be printed is left out."""
    return "".join(character for character in text[:most] if character.isprintable())


def storable_json(value: Any, most: int, depth: int = 0) -> Any:
    """Plain values: texts cut at `most` characters; None for numbers that are not finite or beyond 64 bits."""
    if isinstance(value, str):
        return storable_text(value, most)
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return {storable_text(str(key), most): storable_json(item, most, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        return [storable_json(item, most, depth + 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return value if _is_storable_number(value) else None


def count_values(value: Any) -> int:
    """Number of values inside a plain value, at any depth; without recursion."""
    waiting, seen = [value], 0
    while waiting:
        inside = waiting.pop()
        if isinstance(inside, dict | list):
            seen += len(inside)
            waiting += inside.values() if isinstance(inside, dict) else inside
    return seen


def _is_storable_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= LARGEST_BIGINT
