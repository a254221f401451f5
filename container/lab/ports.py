"""A lab's ports on the loopback: one block, so that several labs can run side by side."""

import random
import socket
from contextlib import suppress

HOST = "127.0.0.1"
# sshd, slurmctld, the two slurmd, slurmdbd: start.sh derives the last four from the first.
BLOCK = 5
LOWEST, HIGHEST = 20000, 30000  # under the range that the kernel takes ports from by itself


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
    """The first port of some free block, chosen by chance: two labs that start at once seldom meet."""
    for _ in range(200):
        port = random.randrange(LOWEST, HIGHEST, BLOCK)  # noqa: S311 (not a secret)
        if is_free(port):
            return port
    raise OSError("no free block of ports on the loopback")
