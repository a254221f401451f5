"""Arithmetic on moments and spans that never leaves the calendar, whatever numbers come. Pure and total."""

import math
from datetime import UTC, datetime, timedelta

LATEST_EPOCH = 7_258_118_400
"""The first second of 2200. Python, PostgreSQL in every time zone, and RFC 3339 all know the moments before it."""
LONGEST_SECONDS = 3_155_760_000.0
"""A hundred years: of what takes longer nobody can say when it will end."""


def moment(epoch: float) -> datetime | None:
    """The moment of an epoch; None for one before 1970 or from 2200 on, for NaN and for the infinities."""
    return datetime.fromtimestamp(epoch, UTC) if 0 <= epoch < LATEST_EPOCH else None


def later(now: datetime, seconds: float | None) -> datetime | None:
    """The moment so many seconds after `now`; None for no number, below 0, or beyond what can be said."""
    if seconds is None or not 0 <= seconds <= LONGEST_SECONDS:
        return None
    return now + timedelta(seconds=seconds)


def span(seconds: float) -> float | None:
    """Seconds as they can be told: None for NaN, below 0, or beyond a hundred years."""
    return seconds if 0 <= seconds <= LONGEST_SECONDS and math.isfinite(seconds) else None
