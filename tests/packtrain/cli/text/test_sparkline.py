from hypothesis import given
from hypothesis import strategies as st

from packtrain.cli.text.sparkline import numbers, sparkline


def test_a_course_is_drawn_from_low_to_high() -> None:
    assert sparkline([8, 7, 6, 5, 4, 3, 2, 1], 8) == "█▇▆▅▄▃▂▁"


def test_more_values_than_bars_share_them() -> None:
    assert sparkline([1.0, 3.0, 10.0, 10.0], 2) == "▁█"


def test_a_divergence_is_a_gap_and_a_constant_stands_in_the_middle() -> None:
    assert sparkline([2.0, None, 2.0], 9) == "▅ ▅"
    assert sparkline([None], 9) == sparkline([], 9) == ""
    assert numbers([1.0, None, float("nan"), float("inf")]) == [1.0]


@given(st.lists(st.none() | st.floats()), st.integers(0, 50))
def test_no_series_breaks_the_drawing(values: list[float | None], width: int) -> None:
    assert len(sparkline(values, width)) <= width
