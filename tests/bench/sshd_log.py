"""Connections and sessions in sshd's own log (LogLevel VERBOSE). Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ACCEPTED = re.compile(r"Accepted publickey for \S+ from \S+ port (\d+)")
_STARTING = re.compile(r"Starting session: (\S+)(?: '\S+')? .*for \S+ from \S+ port (\d+) id (\d+)")


@dataclass(frozen=True)
class SshdCount:
    """What clients did."""

    connections: int
    commands: int
    file_servers: int
    """SFTP sessions."""
    most_channels: int
    """Open at once on one connection: sshd numbers a connection's sessions from 0 and uses free numbers again."""


def count_sessions(lines: Iterable[str]) -> SshdCount:
    """Over these lines of the log."""
    connections, kinds, numbers = 0, [], [-1]
    for line in lines:
        if _ACCEPTED.search(line):
            connections += 1
        elif found := _STARTING.search(line):
            kinds.append(found[1])
            numbers.append(int(found[3]))
    return SshdCount(connections, kinds.count("command"), kinds.count("subsystem"), max(numbers) + 1)
