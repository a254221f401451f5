"""Clients that poll: a process of its own on a processor of its own.

`python -m tests.bench.clients.load`, with a LoadOrder as JSON on standard input; a LoadResult as JSON on standard
output.
"""

import asyncio
import json
import resource
import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.bench.clients.http_answers import HttpAnswers
from tests.bench.cores import LOAD_CORE, pin_self
from tests.bench.report.table import quantile

GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class LoadOrder:
    """Who polls what."""

    port: int
    paths: list[str]
    """Client number n polls the n-th of these, and begins again behind the last."""
    token: str
    clients: int
    seconds: float
    every_seconds: float = 0.0
    """Between two polls of a client; 0 = the next follows the answer at once."""
    conditional: bool = False
    """Whether they send the ETag that they were told."""
    settle_seconds: float = 0.0
    """At first, while everybody connects: what was due then does not count as late."""


@dataclass(frozen=True)
class LoadResult:
    """What became of it."""

    requests: int
    per_second: float
    median_seconds: float
    p99_seconds: float
    slowest_seconds: float
    statuses: dict[str, int]
    """Of answers, and `lost` connections."""
    cpu_share: float
    """Of one processor, that these clients used."""


@dataclass
class Tally:
    """What all clients have seen."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


class PollingClient(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, order: LoadOrder, number: int, tally: Tally, until: float) -> None:
        self._order, self._tally, self._until = order, tally, until
        self._counts_from = until - order.seconds + order.settle_seconds
        path = order.paths[number % len(order.paths)]
        head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {order.token}\r\n"
        self._request = head.encode()
        self._etag = b""
        self._answers = HttpAnswers()
        self._due = time.perf_counter() + order.every_seconds * number / order.clients
        self._transport: asyncio.Transport | None = None
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask_when_due()

    def data_received(self, data: bytes) -> None:
        for answer in self._answers.feed(data):
            now = time.perf_counter()
            if self._due >= self._counts_from:
                self._tally.latencies.append(now - self._due)
            self._tally.statuses[str(answer.status)] += 1
            if self._order.conditional and answer.etag is not None:
                self._etag = b"If-None-Match: " + answer.etag + b"\r\n"
            self._due = self._due + self._order.every_seconds if self._order.every_seconds else now
            self._ask_when_due()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._tally.statuses["lost"] += 1
            self.ended.set_result(None)

    def _ask_when_due(self) -> None:
        wait = self._due - time.perf_counter()
        if self._due >= self._until:
            self.ended.set_result(None)
        elif wait > 0:
            asyncio.get_running_loop().call_later(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._transport.write(self._request + self._etag + b"\r\n")


async def poll(order: LoadOrder) -> LoadResult:
    """Connect all clients and let them poll until the time is over. Raises TimeoutError where answers do not come."""
    loop, tally = asyncio.get_running_loop(), Tally()
    began = time.perf_counter()
    until = began + order.seconds
    clients = []
    for number in range(order.clients):
        make = lambda number=number: PollingClient(order, number, tally, until)  # noqa: E731
        _, client = await loop.create_connection(make, "127.0.0.1", order.port)
        clients.append(client)
    await asyncio.wait_for(asyncio.gather(*(client.ended for client in clients)), order.seconds + GRACE_SECONDS)
    return _result(tally, time.perf_counter() - began)


def _result(tally: Tally, seconds: float) -> LoadResult:
    used = resource.getrusage(resource.RUSAGE_SELF)
    latencies = tally.latencies
    return LoadResult(
        requests=len(latencies),
        per_second=len(latencies) / seconds,
        median_seconds=statistics.median(latencies),
        p99_seconds=quantile(latencies, 0.99),
        slowest_seconds=max(latencies),
        statuses=dict(tally.statuses),
        cpu_share=(used.ru_utime + used.ru_stime) / seconds,
    )


def main() -> None:
    """Poll as ordered."""
    pin_self(LOAD_CORE)
    order = LoadOrder(**json.load(sys.stdin))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    json.dump(asdict(asyncio.run(poll(order))), sys.stdout)


if __name__ == "__main__":
    main()
