"""Sums that halve with each half-life: GPU-seconds used, slowdowns suffered. One number and the time it is of.

A half-life of 0 forgets at once: only what was added at this very moment counts. An infinite one never forgets. A clock
that went back changes nothing: the sum stays as it was, at the later time. Amounts are never negative.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecayingSum:
    """A sum as it was at a moment."""

    amount: float = 0.0
    at: float = 0.0


def decayed(total: DecayingSum, now: float, half_life_seconds: float) -> float:
    """Rest of the sum now."""
    age = now - total.at
    if age <= 0 or math.isinf(half_life_seconds):
        return total.amount
    if half_life_seconds == 0:
        return 0.0
    return total.amount * math.exp2(-min(age / half_life_seconds, _NOTHING_LEFT))


def with_more(total: DecayingSum, amount: float, now: float, half_life_seconds: float) -> DecayingSum:
    """The sum with an amount of now; one that is negative or no number counts as none."""
    added = amount if amount > 0 and math.isfinite(amount) else 0.0
    return DecayingSum(decayed(total, now, half_life_seconds) + added, max(now, total.at))


_NOTHING_LEFT = 1_000.0
"""Half-lives after which nothing is left; more of them would be no float."""
