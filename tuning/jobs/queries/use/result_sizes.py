"""Sizes of results on the clusters by user and team, kept for a while: all files of all jobs are counted for them."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from tuning.jobs.queries.use.limits import result_tallies
from tuning.queue.limits.limit import Tally

RESULTS_SECONDS = 60.0
"""How old they may be."""
_REST = 100.0
"""A count that took long holds so many times longer."""


class ResultSizes:
    """The sizes as they were a minute ago at most, where counting is quick. For several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: Sequence[Tally] = ()
        self._holds_until: float | None = None

    def tallies(self, session: Session, now: datetime) -> Sequence[Tally]:
        """Bytes by user, team and cluster."""
        with self._lock:
            began = self._monotonic()
            if self._holds_until is None or began > self._holds_until:
                self._known = result_tallies(session, now)
                took = self._monotonic() - began
                self._holds_until = began + max(RESULTS_SECONDS, _REST * took)
            return self._known
