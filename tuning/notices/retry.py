"""Schedule of retries: exponential pauses with jitter, for a day, for each delivery and for each webhook. Pure."""

from datetime import datetime, timedelta

GIVE_UP_SECONDS = 24 * 3600.0
"""After so long a delivery that nobody took is given up."""
_FIRST_SECONDS = 5.0
_FACTOR = 3.0
_LONGEST_SECONDS = 2 * 3600.0
_LONGEST_PAUSE_SECONDS = 300.0
"""Of a webhook as a whole: so soon at least it is found to be up again."""


def next_try_at(now: datetime, attempts: int, jitter: float) -> datetime:
    """The time of the next try after so many (at least one); `jitter` is a random number of [0, 1).

    Half of the pause is random, so that what failed together is not tried together.
    """
    return now + timedelta(seconds=_pause_seconds(attempts, _LONGEST_SECONDS, jitter))


def paused_until(now: datetime, failures: int, jitter: float) -> datetime:
    """The end of a webhook's pause after so many failures in a row (at least one)."""
    return now + timedelta(seconds=_pause_seconds(failures, _LONGEST_PAUSE_SECONDS, jitter))


def give_up_at(now: datetime) -> datetime:
    """The end of the retries of what is written now."""
    return now + timedelta(seconds=GIVE_UP_SECONDS)


def _pause_seconds(count: int, longest: float, jitter: float) -> float:
    full = min(longest, _FIRST_SECONDS * _FACTOR ** min(max(count, 1) - 1, 10))
    return full * (0.5 + 0.5 * jitter)
