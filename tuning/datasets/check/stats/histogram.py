"""Histogram of the lengths of rows, at bounded memory."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_COUNTED_SINGLY = 2**16


@dataclass(frozen=True)
class Bin:
    """Rows of a length that is at most `up_to`, and more than the `up_to` of the bin before."""

    up_to: int
    rows: int


class Histogram:
    """Lengths up to 65,536 are counted singly, and put into bins at the end: four for each doubling, 1 to 8 singly."""

    def __init__(self) -> None:
        self.total = self.longest = 0
        self._rows: dict[int, int] = {}

    def add(self, length: int, rows: int = 1) -> None:
        """One row, or several of the same length."""
        self.total += length * rows
        if length > self.longest:  # noqa: PLR1730  max() takes four times as long
            self.longest = length
        if length > _COUNTED_SINGLY:
            length = _end_of_bin(length)
        self._rows[length] = self._rows.get(length, 0) + rows

    def add_all(self, lengths: Iterable[int]) -> None:
        """Some rows."""
        for length, rows in Counter(lengths).items():
            self.add(length, rows)

    def merge(self, others: "Histogram") -> None:
        """Add the counts of another one."""
        self.total += others.total
        self.longest = max(self.longest, others.longest)
        for length, rows in others._rows.items():
            self._rows[length] = self._rows.get(length, 0) + rows

    def bins(self) -> tuple[Bin, ...]:
        """Bins that are not empty, the shortest lengths first."""
        found: dict[int, int] = {}
        for length, rows in self._rows.items():
            found[_end_of_bin(length)] = found.get(_end_of_bin(length), 0) + rows
        return tuple(Bin(up_to, rows) for up_to, rows in sorted(found.items()))


def rows_longer(bins: Sequence[Bin], length: int) -> tuple[int, int]:
    """At least and at most how many rows are longer: the same number where the length is the end of a bin."""
    at_most = sum(each.rows for each in bins if each.up_to > length)
    split = sum(each.rows for each in bins if _start_of_bin(each.up_to) < length < each.up_to)
    return at_most - split, at_most


def _end_of_bin(length: int) -> int:
    length = max(length, 1)
    quarter = _quarter(length)
    return -(-length // quarter) * quarter


def _start_of_bin(up_to: int) -> int:
    return up_to - _quarter(up_to)


def _quarter(length: int) -> int:
    """A fourth of the power of two below."""
    return max(1, (1 << max(0, (length - 1).bit_length() - 1)) // 4)
