"""Wall clock of the worker, moved by the seconds in a file, at any moment of its life.

Not by libfaketime: what it does to a sleep by the monotonic clock (Python's since 3.11) while the time jumps is nothing
that a clock does, an error or an hour's sleep.
"""

import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

VARIABLE = "CHAOS_CLOCK_FILE"
MODULES = ("worker.loop", "worker.heartbeat")
"""Those that ask for the time; everything else is told."""


class _Clock:
    """What the worker asks of `datetime`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def seconds(self) -> float:
        """How far it is moved now."""
        return float(self._file.read_text(encoding="utf-8"))

    def now(self, tz: tzinfo | None = None) -> datetime:
        """The moved time."""
        return datetime.now(tz) + timedelta(seconds=self.seconds())


def move(file: Path) -> None:
    """From now on, in this process: for `time.time` (paramiko's and the log's) and for the worker."""
    true_time, clock = time.time, _Clock(file)
    patch("time.time", lambda: true_time() + clock.seconds()).start()
    for module in MODULES:
        patch(f"{module}.datetime", clock).start()
