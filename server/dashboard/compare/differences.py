"""Differences between a few runs: settings that are not the same in all of them. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 200
_ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """A setting with its value in each run."""

    name: str
    values: Sequence[str]


def differences(settings: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Settings that differ, by name; values of objects are compared part by part."""
    flat = [dict(_flattened(each)) for each in settings]
    names = sorted({name for each in flat for name in each})
    rows = [Difference(name, [each.get(name, _ABSENT) for each in flat]) for name in names]
    return [row for row in rows if len(set(row.values)) > 1]


def _flattened(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, its in value.items():
        name = f"{prefix}{key}"
        if isinstance(its, Mapping) and its:
            yield from _flattened(its, f"{name}.")
        else:
            yield name, _shown(its)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
