"""Thinning a series for a chart without losing what people look for in it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

FEWEST_POINTS = 5
"""First, last, lowest, highest and a gap need a place each."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One value of a series at one step; `value` is None where training diverged (NaN)."""

    step: int
    value: float | None


def gather(lines: Iterable[tuple[int, Mapping[str, float | None]]]) -> dict[str, list[SeriesPoint]]:
    """The series by name, from (step, values) ordered by step and then attempt; of a repeated step the last counts.

    A run that was resumed from a checkpoint does the steps behind it again, and trains on from what it did then.
    """
    series: dict[str, list[SeriesPoint]] = {}
    for step, values in lines:
        for name, value in values.items():
            points = series.setdefault(name, [])
            if points and points[-1].step == step:
                points.pop()
            points.append(SeriesPoint(step, value))
    return series


def thin(points: Sequence[SeriesPoint], limit: int) -> list[SeriesPoint]:
    """At most `limit` of the points, in their order: the first, the last, and of each stretch its extremes.

    So the lowest and the highest of all are kept, and a stretch that holds a gap keeps its first one.
    Raises ValueError for a limit under FEWEST_POINTS.
    """
    if limit < FEWEST_POINTS:
        raise ValueError(f"a series needs at least {FEWEST_POINTS} points, not {limit}")
    if len(points) <= limit:
        return list(points)
    picks = 3 if any(point.value is None for point in points) else 2
    stretches = (limit - 2) // picks
    kept = {0, len(points) - 1}
    for number in range(stretches):
        start, stop = len(points) * number // stretches, len(points) * (number + 1) // stretches
        kept.update(_extremes(points, range(start, stop)))
    return [points[index] for index in sorted(kept)]


def _extremes(points: Sequence[SeriesPoint], stretch: range) -> Iterator[int]:
    finite = [(value, index) for index in stretch if (value := points[index].value) is not None]
    if finite:
        yield min(finite)[1]
        yield max(finite)[1]
    gap = next((index for index in stretch if points[index].value is None), None)
    if gap is not None:
        yield gap
