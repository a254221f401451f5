"""Histogram of the lengths of rows as shapes of a drawing. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuning.datasets.check.stats.histogram import Bin

WIDTH, HEIGHT = 480, 150
"""Of the drawing, its scales apart."""
_MOST_TICKS = 8
_LEAST_HEIGHT = 1.5


@dataclass(frozen=True)
class Bar:
    """A bin: its place in the drawing, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    above: int
    """Rows are longer than this,"""
    up_to: int
    """and at most so long."""
    rows: int
    is_cut: bool
    """All of its rows are longer than cutoff_len."""


@dataclass(frozen=True)
class Tick:
    """A length on the scale."""

    x: float
    length: int


@dataclass(frozen=True)
class Drawing:
    """Bars on a scale on which each doubling is as wide, and the place of cutoff_len where it is on it."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    most_rows: int
    cutoff_x: float | None


def draw(bins: Sequence[Bin], cutoff_len: int) -> Drawing | None:
    """The drawing of a histogram; None where there are no rows."""
    counted = [each for each in bins if each.rows > 0]
    if not counted:
        return None
    scale = _Scale(_start_of(counted[0].up_to), counted[-1].up_to)
    most = max(each.rows for each in counted)
    bars = tuple(_bar(each, scale, most, cutoff_len) for each in counted)
    cutoff_x = scale.x(cutoff_len) if scale.first <= cutoff_len <= scale.last else None
    return Drawing(bars, scale.ticks(), most, cutoff_x)


class _Scale:
    """Logarithms of lengths, from left to right."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, max(last, first + 1)
        self._start = math.log2(first + 1)
        self._span = math.log2(self.last + 1) - self._start

    def x(self, length: int) -> float:
        """Place of a length."""
        return round((math.log2(length + 1) - self._start) / self._span * WIDTH, 2)

    def ticks(self) -> tuple[Tick, ...]:
        """Powers of two, not too many."""
        powers = [2**power for power in range(self.last.bit_length() + 1) if self.first <= 2**power <= self.last]
        step = -(-len(powers) // _MOST_TICKS) or 1
        return tuple(Tick(self.x(length), length) for length in powers[::step])


def _bar(each: Bin, scale: _Scale, most: int, cutoff_len: int) -> Bar:
    above = _start_of(each.up_to)
    x, end = scale.x(above), scale.x(each.up_to)
    height = round(max(each.rows / most * HEIGHT, _LEAST_HEIGHT), 2)
    shape = (x, round(HEIGHT - height, 2), max(round(end - x, 2), 1.0), height)
    return Bar(*shape, above, each.up_to, each.rows, above >= cutoff_len)


def _start_of(up_to: int) -> int:
    """The end of the bin before: bins are four for each doubling, and single up to 8."""
    power = 1 << max(0, (up_to - 1).bit_length() - 1)
    return up_to - max(1, power // 4)
