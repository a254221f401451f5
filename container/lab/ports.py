"""A lab's ports on the loopback: one block, so that several labs can run side by side."""

import fcntl
import os
import random
import socket
from contextlib import suppress

from container import cache

HOST = "127.0.0.1"
# sshd, slurmctld, the two slurmd, slurmdbd: start.sh derives the last four from the first.
BLOCK = 5
LOWEST, HIGHEST = 20000, 30000  # under the range that the kernel takes ports from by itself
# Locks of the blocks that this process has picked, held until it ends.
_picked: list[int] = []


def is_free(port: int) -> bool:
    """Whether the whole block that begins at this port can be listened on."""
    return all(is_listenable(port + offset) for offset in range(BLOCK))


def is_listenable(port: int) -> bool:
    """Whether nobody listens on this one port."""
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return True
    return False


def pick() -> int:
    """The first port of a random free block, which no other process picks while this one lives."""
    for _ in range(200):
        port = random.randrange(LOWEST, HIGHEST, BLOCK)  # noqa: S311 (not a secret)
        if _lock(port) and is_free(port):
            return port
    raise OSError("no free block of ports on the loopback")


def _lock(port: int) -> bool:
    folder = cache.cache_root() / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    _picked.append(handle)
    return True
