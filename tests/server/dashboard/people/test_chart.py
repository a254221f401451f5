"""Chart of GPU hours by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.people.chart import HEIGHT, MOST_NAMES, WIDTH, round_up, use_chart
from tuning.jobs.queries.use.usage_report import DayUsage, Period

FIRST = date(2026, 11, 1)
WEEK = Period(FIRST, FIRST + timedelta(days=6))


def used(name: str, day: int, hours: float) -> DayUsage:
    return DayUsage(name, FIRST + timedelta(days=day), hours * 3600)


def test_nothing_used_is_no_chart() -> None:
    assert use_chart([], WEEK) is None
    assert use_chart([used("mt", 0, 0.0)], WEEK) is None


def test_each_day_has_a_column_and_bars_stand_on_each_other() -> None:
    chart = use_chart([used("mt", 0, 6), used("rl", 0, 3), used("rl", 6, 1)], WEEK)
    assert chart is not None
    assert [(each.name, each.hours) for each in chart.series] == [("mt", 6), ("rl", 4)]
    assert (len(chart.days), chart.top_hours, chart.days[0].hours) == (7, 10, 9)
    assert chart.series[0].path == "M10.7 64.0h121.4v96.0h-121.4z"
    assert chart.series[1].path.startswith("M10.7 16.0h121.4v48.0")


def test_of_very_many_the_rest_is_one_part() -> None:
    chart = use_chart([used(f"t{number}", 0, number + 1) for number in range(MOST_NAMES + 3)], WEEK)
    assert chart is not None
    assert (len(chart.series), chart.series[-1].name, chart.series[-1].hours) == (MOST_NAMES + 1, "", 1 + 2 + 3)


@pytest.mark.parametrize(("hours", "top"), [(0, 1), (0.3, 0.5), (1, 1), (7, 10), (11, 20), (24, 25), (460, 500)])
def test_the_axis_ends_at_a_round_number(hours: float, top: float) -> None:
    assert round_up(hours) == pytest.approx(top)


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 6), st.floats(0, 1e6)), max_size=30))
def test_columns_lie_within_the_picture(uses: list[tuple[str, int, float]]) -> None:
    chart = use_chart([used(*each) for each in uses], WEEK)
    if chart is None:
        return
    assert all(day.x >= 0 and day.x + day.width <= WIDTH for day in chart.days)
    assert max(day.hours for day in chart.days) <= chart.top_hours * (1 + 1e-9)
    assert HEIGHT > 0
