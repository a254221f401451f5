"""Budget of a login node: commands and connections counted, and held to the operator's limits a minute."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

MINUTE_SECONDS = 60.0
_ROUNDING_SECONDS = 1e-3
"""Less is not waited for: a float that is too small to be added would be waited for for ever."""


@dataclass(frozen=True)
class Allowance:
    """The most that may be begun in any minute."""

    commands: int = 240
    """Remote commands and SFTP sessions together."""
    connections: int = 12


@dataclass(frozen=True)
class TrafficCount:
    """Totals since the start of the process, and what was begun in the last minute."""

    connections: int = 0
    commands: int = 0
    transfers: int = 0
    """SFTP sessions: uploads, downloads and ranges."""
    connections_last_minute: int = 0
    commands_last_minute: int = 0
    """Transfers included."""


class Traffic:
    """Counts what a transport does, and lets it wait where it would do too much. Safe for many threads."""

    def __init__(
        self,
        allowance: Allowance | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.allowance = allowance or Allowance()
        self._monotonic, self._sleep = monotonic, sleep
        self._lock = Lock()
        self._totals = {"connections": 0, "commands": 0, "transfers": 0}
        self._commands: deque[float] = deque(maxlen=self.allowance.commands)
        self._connections: deque[float] = deque(maxlen=self.allowance.connections)

    def read(self) -> TrafficCount:
        """The count at this moment."""
        with self._lock:
            recent = [self._recent(begun) for begun in (self._connections, self._commands)]
            return TrafficCount(**self._totals, connections_last_minute=recent[0], commands_last_minute=recent[1])

    def begin_connection(self) -> None:
        """Count one more connection, once the allowance has room for it."""
        self._begin("connections", self._connections)

    def begin_command(self) -> None:
        """Count one more command, once the allowance has room for it."""
        self._begin("commands", self._commands)

    def begin_transfer(self) -> None:
        """Count one more transfer (an SFTP session or a streamed command), once the allowance has room for it."""
        self._begin("transfers", self._commands)

    def _begin(self, kind: str, begun: deque[float]) -> None:
        while wait := self._taken(kind, begun):
            self._sleep(wait)

    def _taken(self, kind: str, begun: deque[float]) -> float:
        """0 when it was counted, else the seconds until there is room: when the oldest is a minute old."""
        with self._lock:
            now = self._monotonic()
            wait = MINUTE_SECONDS - (now - begun[0]) if len(begun) == begun.maxlen else 0.0
            if wait > _ROUNDING_SECONDS:
                return wait
            begun.append(now)
            self._totals[kind] += 1
            return 0.0

    def _recent(self, begun: deque[float]) -> int:
        now = self._monotonic()
        return sum(now - moment < MINUTE_SECONDS for moment in begun)
