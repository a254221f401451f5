"""Names of nodes from Slurm's short form of a list: `gpu[01-03,07],cpu1`. Pure."""

import re
from collections.abc import Iterator

MOST_NAMES = 5_000
"""Of one list: more nodes than a job has are no list."""
_PART = re.compile(r"([^,\[\]]*)(?:\[([0-9,-]+)\])?([^,\[\]]*)(?:,|$)")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


def node_names(text: str) -> list[str]:
    """The names, in their order; of what is no such list, and behind the most names, nothing."""
    names: list[str] = []
    for before, ranges, behind in _PART.findall(text):
        for name in _expanded(before, ranges, behind):
            if len(names) == MOST_NAMES:
                return names
            names.append(name)
    return names


def _expanded(before: str, ranges: str, behind: str) -> Iterator[str]:
    if not ranges:
        name = (before + behind).strip()
        if name:
            yield name
        return
    for part in ranges.split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            continue
        first, last = found[1], found[2] or found[1]
        for number in range(int(first), min(int(last), int(first) + MOST_NAMES) + 1):
            yield f"{before}{number:0{len(first)}d}{behind}"
