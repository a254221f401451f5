"""Which processor a program may use: what is measured and who measures must not wait for each other."""

import os
from collections.abc import Iterable
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
"""The first and the second of those that this process may use; with one only, both are it."""


def pin_self(number: int) -> None:
    """Keep this process to one processor."""
    os.sched_setaffinity(0, {_core(number)})


def pin(pid: int, number: int) -> None:
    """Keep a process with all of its threads, and those that they start, to one processor."""
    for thread in _threads(pid):
        os.sched_setaffinity(thread, {_core(number)})


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since its start (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _core(number: int) -> int:
    usable = sorted(os.sched_getaffinity(0))
    return usable[number % len(usable)]


def _threads(pid: int) -> Iterable[int]:
    return [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
