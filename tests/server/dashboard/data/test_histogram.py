"""Drawings of the lengths of rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.data.histogram import HEIGHT, WIDTH, draw
from tuning.datasets.check.stats.histogram import Bin, Histogram

LENGTHS = st.dictionaries(st.integers(0, 10**9), st.integers(1, 10**6), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 2**31 - 1))
def test_every_row_is_within_the_drawing(lengths: dict[int, int], cutoff_len: int) -> None:
    histogram = Histogram()
    for length, rows in lengths.items():
        histogram.add(length, rows)
    drawing = draw(histogram.bins(), cutoff_len)
    assert drawing is not None
    assert sum(bar.rows for bar in drawing.bars) == sum(lengths.values())
    for bar in drawing.bars:
        assert 0 <= bar.x <= WIDTH
        assert bar.x + bar.width <= WIDTH + 1.01
        assert 0 <= bar.y <= HEIGHT
        assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.01)
    assert all(0 <= tick.x <= WIDTH for tick in drawing.ticks)
    assert len(drawing.ticks) <= 8
    assert drawing.cutoff_x is None or 0 <= drawing.cutoff_x <= WIDTH


def test_bars_beyond_cutoff_len_are_marked() -> None:
    drawing = draw([Bin(256, 5), Bin(512, 10), Bin(640, 2)], 512)
    assert drawing is not None
    assert [(bar.rows, bar.is_cut) for bar in drawing.bars] == [(5, False), (10, False), (2, True)]
    assert [bar.above for bar in drawing.bars] == [224, 448, 512]
    assert drawing.cutoff_x is not None


def test_without_rows_there_is_nothing_to_draw() -> None:
    assert draw([], 512) is None
    assert draw([Bin(8, 0)], 512) is None
