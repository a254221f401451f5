"""Open queue pages: a process of its own on the clients' processor.

`python -m tests.bench.clients.page_readers`, with a PageOrder as JSON on standard input; a PageResult as JSON on
standard output. Each page follows the stream of events and asks for its content again as
templates/dashboard/script/live does.
"""

import asyncio
import json
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial

from tests.bench.clients.http_answers import HttpAnswers
from tests.bench.cores import LOAD_CORE, pin_self

STREAM = "/api/v1/events/stream"
LEAST_SECONDS, USUAL_SECONDS = 0.7, 10.0
"""Between two looks at the content: after an event, and without any."""
SOONEST_SECONDS, SPREAD_SECONDS = 0.05, 0.6
"""From an event to the look: at the least, and what chance adds to either."""
_FRAGMENT = b"Accept: text/html\r\nAccept-Encoding: gzip\r\nX-Fragment: main\r\n"


@dataclass(frozen=True)
class PageOrder:
    """Sessions of browsers, a page for each, and how long they stay open."""

    port: int
    sessions: list[str]
    seconds: float


@dataclass(frozen=True)
class PageResult:
    """Answers that the pages had."""

    statuses: dict[str, int]
    events: int
    lost: int
    """Streams that ended, or never began with a 200."""


@dataclass
class Tally:
    """Counts of all pages."""

    statuses: Counter[str] = field(default_factory=Counter)
    events: int = 0


class OpenStream(asyncio.Protocol):
    """The stream of events of a page."""

    def __init__(self, head: bytes, tally: Tally, renew_soon: Callable[[], None]) -> None:
        self._head, self._tally, self._renew_soon = head, tally, renew_soon
        self._rest = b""
        self.is_well = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"GET " + STREAM.encode() + b" HTTP/1.1\r\n" + self._head + b"\r\n")

    def data_received(self, data: bytes) -> None:
        if not self.is_well and data.startswith(b"HTTP/1.1 200"):
            self.is_well = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = sum(line.startswith(b"event: ") and line != b"event: progress" for line in lines)
        if events:
            self._tally.events += events
            self._renew_soon()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_well = False


class OpenPage(asyncio.Protocol):
    """The content of a page, asked for when the page opens, soon after an event, and now and then without any."""

    def __init__(self, head: bytes, tally: Tally) -> None:
        self._request = b"GET / HTTP/1.1\r\n" + head + _FRAGMENT
        self._tally = tally
        self._answers = HttpAnswers()
        self._etag = b""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._is_loading = self._is_wanted = False
        self._loaded_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        for answer in self._answers.feed(data):
            self._tally.statuses[str(answer.status)] += 1
            self._etag = b"If-None-Match: " + answer.etag + b"\r\n" if answer.etag is not None else b""
            self._loaded_at, self._is_loading = self._loop.time(), False
            was_wanted, self._is_wanted = self._is_wanted, False
            if was_wanted:
                self.renew_soon()
            else:
                self._set_timer(USUAL_SECONDS)

    def connection_lost(self, error: Exception | None) -> None:
        self._tally.statuses["lost"] += 1

    def renew_soon(self) -> None:
        """An event came."""
        was_wanted, self._is_wanted = self._is_wanted, True
        if not self._is_loading and not was_wanted:
            pause = max(LEAST_SECONDS - (self._loop.time() - self._loaded_at), SOONEST_SECONDS)
            self._set_timer(pause + random.uniform(0, SPREAD_SECONDS))  # noqa: S311 - spreads looks, keeps no secret

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._ask)

    def _ask(self) -> None:
        assert self._transport is not None
        self._timer, self._is_wanted, self._is_loading = None, False, True
        self._transport.write(self._request + self._etag + b"\r\n")


async def hold_open(order: PageOrder) -> PageResult:
    """Open all pages, and close them when the time is over."""
    loop, tally = asyncio.get_running_loop(), Tally()
    until = loop.time() + order.seconds
    streams: list[OpenStream] = []
    transports: list[asyncio.Transport] = []
    for text in order.sessions:
        head = f"Host: bench\r\nCookie: packtrain_session={text}\r\n".encode()
        transport, page = await loop.create_connection(partial(OpenPage, head, tally), "127.0.0.1", order.port)
        follow = partial(OpenStream, head, tally, page.renew_soon)
        followed, stream = await loop.create_connection(follow, "127.0.0.1", order.port)
        streams.append(stream)
        transports += [transport, followed]
    await asyncio.sleep(until - loop.time())
    result = PageResult(dict(tally.statuses), tally.events, sum(not stream.is_well for stream in streams))
    for each in transports:
        each.abort()
    return result


def main() -> None:
    """Hold pages open as ordered."""
    pin_self(LOAD_CORE)
    order = PageOrder(**json.load(sys.stdin))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    json.dump(asdict(asyncio.run(hold_open(order))), sys.stdout)


if __name__ == "__main__":
    main()
