"""Tests of a shell text, `[ -n "$X" ]`, whose words are known. Pure."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from tuning.llamafactory.commands.shell_text import ARITHMETIC, Word
from tuning.llamafactory.commands.variables import is_read

_CLOSING = {"[": "]", "[[": "]]", "test": ""}
_ASKING = frozenset({*_CLOSING, ARITHMETIC, "grep", "command", "which", "type", "false"})
"""Commands that are run for their answer."""
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_GLOB = re.compile(r"[*?\[]")
_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq, "-ne": operator.ne, "-lt": operator.lt, "-le": operator.le, "-gt": operator.gt,
    "-ge": operator.ge,
}  # fmt: skip


def is_test(words: Sequence[Word]) -> bool:
    """Whether a command is run for its answer."""
    return bool(words) and "".join(piece.text for piece in words[0].pieces) in _ASKING


def truth(words: Sequence[str]) -> bool | None:
    """Whether a test holds; None where that cannot be said from its words (files, patterns, open values)."""
    if not words or words[0] not in _CLOSING or not all(map(is_read, words)):
        return None
    closing = _CLOSING[words[0]]
    if closing and words[-1] != closing:
        return None
    inside = words[1:-1] if closing else words[1:]
    is_negated = inside[:1] == ["!"]
    found = _held(inside[1:] if is_negated else inside)
    return found is not is_negated if found is not None else None


def _held(words: Sequence[str]) -> bool | None:
    if len(words) < 2:
        return bool(words and words[0])
    if len(words) == 2 and words[0] in ("-n", "-z"):
        return bool(words[1]) is (words[0] == "-n")
    if len(words) != 3:
        return None
    left, comparison, right = words
    if comparison in _COMPARISONS and _INTEGER.fullmatch(left) and _INTEGER.fullmatch(right):
        return _COMPARISONS[comparison](int(left), int(right))
    if comparison in ("=", "==", "!=") and not _GLOB.search(right):
        return (left == right) is (comparison != "!=")
    return None
