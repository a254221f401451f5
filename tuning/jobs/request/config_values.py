"""Bounds of a configuration's values: every later step (JSON column, YAML, answer) can carry them. Pure."""

import json
import math
from collections.abc import Iterator
from typing import Any

from tuning.errors import Finding

MAX_DEPTH = 20
MAX_VALUES = 2_000
"""Five times as many as LLaMA-Factory has arguments: room for DeepSpeed's settings and long lists of modules."""
MAX_JSON_BYTES = 64 * 1024
"""A hundred times the usual: configurations are stored with every job, and read with every list of jobs."""
MAX_INTEGER = 2**63 - 1


def find_unstorable(config: dict[str, Any], loc: tuple[str | int, ...]) -> Iterator[Finding]:
    """Findings for values that nest too deep, are too many or too large, or are numbers that no database or YAML takes.

    Without recursion: a body of a thousand brackets must not break the one that measures it. Characters are judged
    later, where the YAML is made (tuning.llamafactory).
    """
    waiting: list[tuple[tuple[str | int, ...], dict[str, Any] | list[Any]]] = [(loc, config)]
    seen, is_ordinary = 0, True
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
                is_ordinary = False
                yield Finding((*place, key), f"{str(key)[:80]} is a number beyond what can be used")
    # a number of thousands of digits cannot even be written
    size_bytes = len(json.dumps(config, ensure_ascii=False).encode("utf-8", "surrogatepass")) if is_ordinary else 0
    if size_bytes > MAX_JSON_BYTES:
        hint = "put long texts into a file below one of the cluster's folders for models, and name that"
        yield Finding(loc, f"the configuration is {size_bytes} bytes of JSON; {MAX_JSON_BYTES} are allowed", hint)


def _is_ordinary(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else -MAX_INTEGER <= value <= MAX_INTEGER
