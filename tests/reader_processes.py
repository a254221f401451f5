"""Processes that read data files for the tests' own process: found by their parent, and waited for."""

import os
import select
from pathlib import Path

PATIENCE_SECONDS = 120


def readers() -> list[int]:
    """The ids of the processes that the forkserver has now."""
    ours = children(os.getpid())
    [server] = [pid for pid in ours if "multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_text()]
    return children(server)


def children(pid: int) -> list[int]:
    """The ids of a process's children."""
    return [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]


def ends(pid: int) -> bool:
    """True as soon as a process that ran a moment ago has ended; False when it does not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE_SECONDS)[0])
    finally:
        os.close(descriptor)
