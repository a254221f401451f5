"""A series of numbers as a line of small bars. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """At most so many bars, each the mean of its share of the values; a gap where there is no number."""
    means = [_mean(share) for share in _shares(values, width)]
    known = [mean for mean in means if mean is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return "".join(" " if mean is None else _bar(mean, low, high) for mean in means)


def numbers(values: Sequence[float | None]) -> list[float]:
    """The numbers of a series: divergence leaves gaps."""
    return [value for value in values if value is not None and math.isfinite(value)]


def _shares(values: Sequence[float | None], width: int) -> list[Sequence[float | None]]:
    count = min(width, len(values))
    bounds = [index * len(values) // count for index in range(count + 1)] if count > 0 else [0]
    return [values[start:end] for start, end in pairwise(bounds)]


def _mean(share: Sequence[float | None]) -> float | None:
    found = numbers(share)
    return sum(value / len(found) for value in found) if found else None


def _bar(value: float, low: float, high: float) -> str:
    # halved: the distance of two numbers may be none
    span = high / 2 - low / 2
    place = (value / 2 - low / 2) / span if span > 0 else 0.5
    return _BARS[min(len(_BARS) - 1, max(0, int(place * len(_BARS))))]
