"""Which values a configuration may hold so that every later step (JSON column, YAML, answer) can carry them. Pure."""

import math
from collections.abc import Iterator
from typing import Any

from tuning.errors import Finding

MAX_DEPTH = 20
MAX_VALUES = 10_000
MAX_INTEGER = 2**63 - 1


def find_unstorable(config: dict[str, Any], loc: tuple[str | int, ...]) -> Iterator[Finding]:
    """What nests too deep, is too much, or is a number that no database or YAML takes.

    Without recursion: a body of a thousand brackets must not break the one that measures it. Characters are judged
    later, where the YAML is made (tuning.llamafactory).
    """
    waiting: list[tuple[tuple[str | int, ...], dict[str, Any] | list[Any]]] = [(loc, config)]
    seen = 0
    while waiting:
        place, inside = waiting.pop()
        seen += len(inside)
        if seen > MAX_VALUES:
            yield Finding(loc, f"the configuration holds more than {MAX_VALUES} values")
            return
        if inside and len(place) - len(loc) >= MAX_DEPTH:
            yield Finding(loc, f"the configuration is nested deeper than {MAX_DEPTH}")
            return
        for key, value in inside.items() if isinstance(inside, dict) else enumerate(inside):
            if isinstance(value, dict | list):
                waiting.append(((*place, key), value))
            elif isinstance(value, int | float) and not _is_ordinary(value):
                yield Finding((*place, key), f"{key} is a number beyond what can be used")


def _is_ordinary(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else -MAX_INTEGER <= value <= MAX_INTEGER
