"""Estimate of a time or a span: expected, with a lower and an upper bound. In seconds."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its bounds: low <= expected <= high."""

    low: float
    expected: float
    high: float

    @classmethod
    def around(cls, expected: float, *others: float) -> Self:
        """Bounds that hold the expected value and all others."""
        return cls(min(expected, *others), expected, max(expected, *others))

    @classmethod
    def exactly(cls, value: float) -> Self:
        """Estimate of what is known."""
        return cls(value, value, value)

    def at_least(self, least: float) -> Self:
        """The same, but nothing of it below a value."""
        return type(self)(max(self.low, least), max(self.expected, least), max(self.high, least))
