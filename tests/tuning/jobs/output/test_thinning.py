"""Thinning a series keeps what people look for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.jobs.output.thinning import FEWEST_POINTS, SeriesPoint, gather, thin

VALUES = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=400)
LIMITS = st.integers(FEWEST_POINTS, 60)


def points_of(values: list[float | None]) -> list[SeriesPoint]:
    return [SeriesPoint(step, value) for step, value in enumerate(values)]


@given(VALUES, LIMITS)
def test_never_more_than_asked_for_and_in_order(values: list[float | None], limit: int) -> None:
    points = points_of(values)
    kept = thin(points, limit)
    assert len(kept) <= limit
    assert [point.step for point in kept] == sorted({point.step for point in kept})
    assert set(kept) <= set(points)


@given(VALUES, LIMITS)
def test_first_last_lowest_and_highest_are_kept(values: list[float | None], limit: int) -> None:
    points = points_of(values)
    kept = thin(points, limit)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    finite = [value for value in values if value is not None]
    if finite:
        kept_values = [point.value for point in kept if point.value is not None]
        assert (min(kept_values), max(kept_values)) == (min(finite), max(finite))


@given(VALUES, LIMITS)
def test_a_divergence_is_not_thinned_away(values: list[float | None], limit: int) -> None:
    kept = thin(points_of(values), limit)
    assert (None in values) == any(point.value is None for point in kept)


@given(VALUES)
def test_a_short_series_stays_whole(values: list[float | None]) -> None:
    points = points_of(values)
    assert thin(points, max(FEWEST_POINTS, len(points))) == points


def test_a_long_series_uses_the_room_that_it_has() -> None:
    assert len(thin(points_of([float(step % 7) for step in range(10_000)]), 500)) > 450


def test_a_limit_without_room_for_the_extremes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        thin([], 4)


def test_of_a_repeated_step_the_later_attempt_counts() -> None:
    lines = [(90, {"loss": 5.73}), (95, {"loss": 5.70}), (95, {"loss": 5.71}), (100, {"loss": 5.6, "eval_loss": 5.7})]
    series = gather(lines)
    assert series["loss"] == [SeriesPoint(90, 5.73), SeriesPoint(95, 5.71), SeriesPoint(100, 5.6)]
    assert series["eval_loss"] == [SeriesPoint(100, 5.7)]
