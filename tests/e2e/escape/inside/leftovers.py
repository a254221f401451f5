"""Attacks that outlive the job, or end the others: the last ones."""

import os
import signal
import sys
import time
from collections.abc import Iterator

from .loot import tried
from .orders import Orders, attack
from .processes import living, name_of

SECONDS = 600
DAEMON = """
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGURG, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
time.sleep(int(sys.argv[2]))
"""


@attack
def daemons(orders: Orders) -> Iterator[str]:
    """A process of a session of its own, whose parent is gone, and which ignores signals."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            os.execv(sys.executable, [sys.executable, "-S", "-c", DAEMON, orders.mark("daemons"), str(SECONDS)])
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(0.3)
    yield from ()


@attack
def killing(orders: Orders) -> Iterator[str]:
    """KILL to every process that is not of this container: the other runs, the batch scripts, the worker's shell."""
    for pid in living():
        with tried(f"kill {pid}"):
            os.kill(pid, signal.SIGKILL)
            yield f"{name_of(pid)} is killed"
