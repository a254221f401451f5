"""Measures of a lab's day: the most that ran at once, GPU time within a span, shares had beside shares due. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Time for which an amount was held: from its start up to its end, which is not part of it."""

    start: float
    end: float
    amount: float = 1.0


def peak(spans: Iterable[Span]) -> float:
    """The most that was held at any moment."""
    changes = sorted(change for span in spans for change in ((span.start, span.amount), (span.end, -span.amount)))
    most = held = 0.0
    for _, change in changes:  # at the same moment ends come before starts
        held += change
        most = max(most, held)
    return most


def held_within(spans: Iterable[Span], start: float, end: float) -> float:
    """Amount by seconds of what was held between two moments."""
    return math.fsum(span.amount * max(min(span.end, end) - max(span.start, start), 0.0) for span in spans)


def shares(amounts: Mapping[str, float]) -> dict[str, float]:
    """Each one's part of the sum; nothing where the sum is nothing."""
    total = math.fsum(amounts.values())
    return {name: amount / total if total else 0.0 for name, amount in amounts.items()}


def share_errors(had: Mapping[str, float], due: Mapping[str, float]) -> dict[str, float]:
    """Share had less share due, by name; amounts of any unit."""
    parts, wanted = shares({name: had.get(name, 0.0) for name in due}), shares(due)
    return {name: parts[name] - wanted[name] for name in due}


def common_span(waits: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """The time for which everybody had something waiting: from and until, of (ordered, started) pairs by name.

    It begins when the last of them had ordered something, and ends when the first of them had nothing left.
    """
    begin = max(min(ordered for ordered, _ in its) for its in waits.values())
    end = min(max(started for _, started in its) for its in waits.values())
    return begin, max(begin, end)
