"""How a cost grows with a size: the exponent of the power law that fits it best. Pure."""

import math
from collections.abc import Sequence
from statistics import linear_regression

MOST = 1.1
"""No curve may grow faster than size to this power."""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of log cost over log size, by least squares: 0 is flat, 1 is in proportion.

    Sizes and costs are positive, in any unit. Raises statistics.StatisticsError where fewer than two sizes differ.
    """
    return linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope
