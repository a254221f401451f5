"""Backoff after failures of a cluster: exponential, with jitter. Pure."""

LONGEST_SECONDS = 60.0


def delay_seconds(failures: int, poll_interval_seconds: float, jitter: float) -> float:
    """The pause after `failures` failed cycles in a row; `jitter` is a random number of [0, 1).

    Half of the pause is random, so that many workers do not come back to a login node at the same moment.
    """
    longest = max(LONGEST_SECONDS, poll_interval_seconds)
    full = min(longest, poll_interval_seconds * 2.0 ** min(failures, 10))
    return full * (0.5 + 0.5 * jitter) if failures else poll_interval_seconds
