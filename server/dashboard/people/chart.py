"""Chart of GPU hours by day: stacked bars of those who used most, the rest together. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tuning.jobs.queries.use.usage_report import DayUsage, Period

MOST_NAMES = 7
"""So many have a colour of their own."""
WIDTH, HEIGHT = 1000.0, 160.0
_GAP = 0.15
"""Of a day's width, between bars."""
_MOST_TICKS = 8
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Series:
    """Bars of one name; empty = the others together."""

    name: str
    hours: float
    path: str
    """Of an SVG path, in units of the chart."""


@dataclass(frozen=True)
class DayColumn:
    """A day: its place, and what was used on it."""

    day: date
    x: float
    width: float
    parts: Sequence[tuple[str, float]]
    """Names and hours, in the order of the series."""

    @property
    def hours(self) -> float:
        """Of all together."""
        return sum(hours for _, hours in self.parts)


@dataclass(frozen=True)
class UseChart:
    """A picture `WIDTH` wide and `HEIGHT` high; `top_hours` is at its upper edge."""

    series: Sequence[Series]
    days: Sequence[DayColumn]
    top_hours: float
    ticks: Sequence[DayColumn]

    @property
    def hours(self) -> float:
        """Of the whole period."""
        return sum(each.hours for each in self.series)


def use_chart(uses: Iterable[DayUsage], period: Period) -> UseChart | None:
    """The picture; None where nothing was used."""
    by_name: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for use in uses:
        by_name[use.name][use.day] += use.gpu_seconds / 3600
    named = _with_others(by_name)
    totals = {name: sum(days.values()) for name, days in named.items()}
    if not sum(totals.values()):
        return None
    days = [period.first + timedelta(days=number) for number in range((period.last - period.first).days + 1)]
    top = round_up(max(sum(named[name].get(day, 0.0) for name in named) for day in days))
    columns = [_column(number, day, days, named) for number, day in enumerate(days)]
    series = [Series(name, totals[name], _path(place, columns, top)) for place, name in enumerate(named)]
    every = math.ceil(len(columns) / _MOST_TICKS)
    return UseChart(series, columns, top, columns[::every])


def round_up(hours: float) -> float:
    """The next round number, so that an axis ends at it."""
    if hours <= 0 or not math.isfinite(hours):
        return 1.0
    unit = 10.0 ** math.floor(math.log10(hours))
    return next((step * unit for step in _STEPS if step * unit >= hours), 10 * unit)


def _with_others(by_name: Mapping[str, Mapping[date, float]]) -> dict[str, Mapping[date, float]]:
    """Those who used most, by their names, and all others under the empty name."""
    ordered = sorted(by_name, key=lambda name: (-sum(by_name[name].values()), name))
    kept: dict[str, Mapping[date, float]] = {name: by_name[name] for name in ordered[:MOST_NAMES]}
    others: dict[date, float] = defaultdict(float)
    for name in ordered[MOST_NAMES:]:
        for day, hours in by_name[name].items():
            others[day] += hours
    return {**kept, "": others} if others else kept


def _column(number: int, day: date, days: Sequence[date], named: Mapping[str, Mapping[date, float]]) -> DayColumn:
    width = WIDTH / len(days)
    parts = [(name, named[name].get(day, 0.0)) for name in named]
    return DayColumn(day, width * (number + _GAP / 2), width * (1 - _GAP), parts)


def _path(place: int, columns: Sequence[DayColumn], top: float) -> str:
    """A box for each day on which the series has something, above those before it."""
    boxes = []
    for column in columns:
        below, own = sum(hours for _, hours in column.parts[:place]), column.parts[place][1]
        if own > 0:
            y, height = HEIGHT * (1 - (below + own) / top), HEIGHT * own / top
            boxes.append(f"M{column.x:.1f} {y:.1f}h{column.width:.1f}v{height:.1f}h-{column.width:.1f}z")
    return "".join(boxes)
