"""Keeps a lease while a cluster is driven, in a thread of its own: a slow step must not lose it."""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.orm import Session, sessionmaker

from tuning.clusters.lease import Lease, release, renew
from tuning.containment import Contained
from tuning.db.database_errors import DATABASE_TROUBLE, complaint
from tuning.db.engine import transaction
from tuning.errors import LeaseLost

log = logging.getLogger(__name__)

SHORTEST_BEAT_SECONDS = 1.0


@contextmanager
def kept(
    sessions: sessionmaker[Session], lease: Lease, lease_seconds: float, cycle_seconds: float = math.inf
) -> Iterator[threading.Event]:
    """Renew the lease until the block ends; the event is set as soon as it can no longer be relied on.

    Once a cycle at least: whoever reads judges by it whether a worker is there (tuning.clusters.attendance).
    """
    lost, done = threading.Event(), threading.Event()
    beat_seconds = min(lease_seconds / 4, max(cycle_seconds, SHORTEST_BEAT_SECONDS))
    arguments = (sessions, lease, lease_seconds, beat_seconds, lost, done)
    thread = threading.Thread(target=_renew_until, args=arguments, name=f"lease-{lease.cluster}")
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join()
        _give_back(sessions, lease)


def _renew_until(
    sessions: sessionmaker[Session],
    lease: Lease,
    lease_seconds: float,
    beat_seconds: float,
    lost: threading.Event,
    done: threading.Event,
) -> None:
    renewed = time.monotonic()
    while not done.wait(beat_seconds) and not lost.is_set():
        # a process that was stopped wakes here: whatever it was about to do is checked against `lost` first
        if time.monotonic() - renewed > lease_seconds:
            _say_lost(f"the lease of {lease.cluster} was not renewed in time", lease)
            lost.set()
        started = time.monotonic()
        if not lost.is_set() and _renewed(sessions, lease, lease_seconds, lost):
            renewed = started


def _renewed(sessions: sessionmaker[Session], lease: Lease, lease_seconds: float, lost: threading.Event) -> bool:
    with Contained() as attempt, transaction(sessions) as session:
        renew(session, lease, datetime.now(UTC), lease_seconds)
    if isinstance(attempt.error, LeaseLost):
        _say_lost(str(attempt.error), lease)
        lost.set()
    elif attempt.error is not None:
        _say(attempt.error, "the database did not take the heartbeat", lease)
    return attempt.error is None


def _say_lost(reason: str, lease: Lease) -> None:
    log.warning(reason, extra={"action": "lease_lost", "cluster": lease.cluster})


def _give_back(sessions: sessionmaker[Session], lease: Lease) -> None:
    with Contained() as attempt, transaction(sessions) as session:
        release(session, lease)
    if attempt.error is not None and not isinstance(attempt.error, LeaseLost):
        _say(attempt.error, "the lease was left to expire", lease)


def _say(error: BaseException, what: str, lease: Lease) -> None:
    """An error nobody foresaw comes with its traceback, and ends no heartbeat either."""
    trace = None if isinstance(error, DATABASE_TROUBLE) else error
    log.warning("%s: %s", what, complaint(error), exc_info=trace, extra={"cluster": lease.cluster})
