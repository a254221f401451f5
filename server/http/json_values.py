"""Count of the values of a JSON body while it arrives, before anything of it is parsed."""

import re
from typing import Protocol

_STRUCTURE = (b"[", b"{", b",", b":")
"""Each value but the first stands behind one of these."""
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+("|\\?\Z)', re.DOTALL)
"""A text, with its end, or with what the piece ends with."""
_BACKSLASH, _QUOTE = b"\\", b'"'


class ValueCount(Protocol):
    """Counts values, piece by piece."""

    def count(self, chunk: bytes) -> int:
        """The values that begin in the next piece, at most so many."""


class AllValues:
    """Values of a body, and of the texts in it too: such a text may be YAML, whose values cost as much."""

    def count(self, chunk: bytes) -> int:
        """The values that begin in the next piece, at most so many."""
        return sum(map(chunk.count, _STRUCTURE))


class ValuesOutsideTexts:
    """Values of a body whose texts are prose: what stands in them is no value."""

    def __init__(self) -> None:
        self._begun = b""
        """Begin of a text that the piece before has not ended, as far as it matters: its quote, and an escape."""

    def count(self, chunk: bytes) -> int:
        """The values that begin in the next piece, at most so many; texts without anything between them are counted."""
        if self._begun == _QUOTE and _QUOTE not in chunk and _BACKSLASH not in chunk:
            return 0
        was_in_text = bool(self._begun)
        rest, texts = _TEXT.subn(rb"\1", self._begun + chunk)
        is_in_text = texts > rest.count(_QUOTE)
        escape = _BACKSLASH if rest.endswith(_BACKSLASH) else b""
        self._begun = _QUOTE + escape if is_in_text else b""
        return max(texts - was_in_text, sum(map(rest.count, _STRUCTURE)))
