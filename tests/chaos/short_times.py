"""The worker with its longest waits shortened, so that a trial lasts seconds: `python -m tests.chaos.short_times`.

Only how long it waits is changed, never what it does then. A name that the worker no longer has ends this program.
"""

import importlib
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tests.chaos import moved_clock
from worker.__main__ import main

SHORT: Mapping[str, Mapping[str, object]] = {
    "worker.backoff": {"LONGEST_SECONDS": 3.0},
    "worker.submit.pauses": {"FIRST_SECONDS": 2.0, "LONGEST_SECONDS": 5.0},
    "worker.finish.recheck_times": {"LEAST": timedelta(seconds=2)},
    "worker.observe.judgement": {
        "MISSING_TIME": timedelta(seconds=5),
        "RECORD_GRACE": timedelta(seconds=3),
        "RETURN_GRACE": timedelta(seconds=20),
        "CLOSED_TIME": timedelta(seconds=30),
        "LOST_TIME": timedelta(seconds=10),
        "MOST_LOST_TIME": timedelta(seconds=10),
    },
}
"""Requeued jobs of the lab come back within fifteen seconds (its slurm.conf)."""


def shorten() -> None:
    """Set every short time in its module."""
    for module_name, times in SHORT.items():
        module = importlib.import_module(module_name)
        for name, value in times.items():
            if type(getattr(module, name)) is not type(value):
                raise TypeError(f"{module_name}.{name} is no longer a {type(value).__name__}")
            setattr(module, name, value)


if __name__ == "__main__":
    shorten()
    if clock_file := os.environ.get(moved_clock.VARIABLE):
        moved_clock.move(Path(clock_file))
    main()
