"""Subscribers of server-sent events: a process of its own on the clients' processor.

`python -m tests.bench.clients.subscribers`, with a SubscriberOrder as JSON on standard input; a SubscriberResult as
JSON on standard output. The job's loss is the time at which its row was changed, so each event tells how late it is.
"""

import asyncio
import json
import re
import resource
import sys
import time
from dataclasses import asdict, dataclass, field

from tests.bench.cores import LOAD_CORE, pin_self
from tests.bench.report.table import quantile

_CHANGED_AT = re.compile(rb'"loss":([0-9.]+)')
GRACE_SECONDS = 1.0
"""What was changed later than this before the end need not have come."""


@dataclass(frozen=True)
class SubscriberOrder:
    """Who listens to what."""

    port: int
    path: str
    token: str
    clients: int
    seconds: float


@dataclass(frozen=True)
class SubscriberResult:
    """What came."""

    fewest: int
    most: int
    """Changes that a subscriber saw."""
    lost: int
    """Streams that ended, or never began with a 200."""
    p99_seconds: float
    """Of the lateness of all events."""


@dataclass
class Seen:
    """What one subscriber saw: the times of change, and how late each came."""

    lateness: dict[float, float] = field(default_factory=dict)
    is_well: bool = False


class Subscriber(asyncio.Protocol):
    """One stream."""

    def __init__(self, order: SubscriberOrder, began: float, seen: Seen) -> None:
        self._order, self._began, self._seen = order, began, seen
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        head = f"GET {self._order.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._order.token}\r\n\r\n"
        transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self._seen.is_well and data.startswith(b"HTTP/1.1 200"):
            self._seen.is_well = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if (found := _CHANGED_AT.search(line)) and (at := float(found[1])) > self._began:
                self._seen.lateness.setdefault(at, now - at)

    def connection_lost(self, error: Exception | None) -> None:
        self._seen.is_well = False


async def subscribe(order: SubscriberOrder) -> SubscriberResult:
    """Connect all, and listen for so long from the moment at which all are connected."""
    loop, everyone = asyncio.get_running_loop(), [Seen() for _ in range(order.clients)]
    began = time.time() + order.clients / 200
    transports = []
    for seen in everyone:
        make = lambda seen=seen: Subscriber(order, began, seen)  # noqa: E731
        transport, _ = await loop.create_connection(make, "127.0.0.1", order.port)
        transports.append(transport)
    await asyncio.sleep(began - time.time() + order.seconds)
    result = _result(everyone, time.time() - GRACE_SECONDS)
    for transport in transports:
        transport.abort()
    return result


def _result(everyone: list[Seen], until: float) -> SubscriberResult:
    counts = [sum(at < until for at in seen.lateness) for seen in everyone]
    lateness = [late for seen in everyone for late in seen.lateness.values()]
    lost = sum(not seen.is_well for seen in everyone)
    return SubscriberResult(min(counts), max(counts), lost, quantile(lateness, 0.99))


def main() -> None:
    """Listen as ordered."""
    pin_self(LOAD_CORE)
    order = SubscriberOrder(**json.load(sys.stdin))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    json.dump(asdict(asyncio.run(subscribe(order))), sys.stdout)


if __name__ == "__main__":
    main()
