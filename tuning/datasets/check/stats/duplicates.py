"""Count of rows that repeat another row, at bounded memory."""

from collections import Counter
from collections.abc import Iterable

_CONTENTS_KEPT = 2**17


class Repeats:
    """Counts rows whose texts an earlier row had: all of them, until there are too many different ones to remember.

    Then only contents whose hash ends in a zero bit are remembered, and later those with two, and so on: every content
    is still either followed from its first row to its last or not at all, so the share of repeats stays an unbiased
    estimate. (Distinct sampling: Gibbons, VLDB 2001.) At most 131,072 contents, or some 15 MB, are remembered.
    """

    def __init__(self) -> None:
        self._rows_by_content: Counter[int] = Counter()
        self._ignored_bits = 0
        self.one_in = 1
        """One of how many contents is followed."""

    def add(self, texts: tuple[str, ...]) -> None:
        """A row with these texts."""
        content = hash(texts)
        if not content & self._ignored_bits:
            seen = self._rows_by_content
            seen[content] = seen.get(content, 0) + 1
            if len(seen) > _CONTENTS_KEPT:
                self._follow_half()

    def add_all(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Rows with these texts."""
        ignored = self._ignored_bits
        contents = map(hash, rows)
        self._rows_by_content.update([each for each in contents if not each & ignored] if ignored else contents)
        while len(self._rows_by_content) > _CONTENTS_KEPT:
            self._follow_half()

    def merge(self, others: "Repeats") -> None:
        """Add the counts of another one, made in a process with the same hash()."""
        while self.one_in < others.one_in:
            self._follow_half()
        ignored = self._ignored_bits
        followed = {content: rows for content, rows in others._rows_by_content.items() if not content & ignored}
        self._rows_by_content.update(followed)
        while len(self._rows_by_content) > _CONTENTS_KEPT:
            self._follow_half()

    def rows(self) -> int:
        """The rows of the contents that are followed."""
        return sum(self._rows_by_content.values())

    def repeated(self) -> int:
        """Number of the followed rows that are not the first with their content."""
        return self.rows() - len(self._rows_by_content)

    def _follow_half(self) -> None:
        self.one_in *= 2
        self._ignored_bits = self.one_in - 1
        kept = {content: rows for content, rows in self._rows_by_content.items() if not content & self._ignored_bits}
        self._rows_by_content = Counter(kept)
