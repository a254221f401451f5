"""Times at which an end in doubt is looked at again. Pure."""

from datetime import datetime, timedelta

LEAST = timedelta(seconds=30)
LONGEST = timedelta(hours=24)
"""Since the end; then it stands."""
_SHARE = 4
"""Of the time since the end: three dozen looks in a day, most of them soon."""


def next_recheck(ended_at: datetime, now: datetime) -> datetime | None:
    """The moment of the next look at an end; None when it stands."""
    age = now - ended_at
    return now + max(LEAST, age / _SHARE) if age < LONGEST else None
