"""Open queue pages: a process of its own on the clients' processor.

`python -m tests.bench.clients.page_readers`, with a PageOrder as JSON on standard input; a PageResult as JSON on
standard output. Each page follows the stream of events and asks for its content again as
templates/dashboard/script/live does.
"""

import asyncio
import contextlib
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from tests.bench.cores import LOAD_CORE, pin_self

STREAM = "/api/v1/events/stream"
LEAST_SECONDS, USUAL_SECONDS = 1.0, 10.0
"""Between two looks at the content: after an event, and without any."""
SOONEST_SECONDS, SPREAD_SECONDS = 0.05, 0.6
"""From an event to the look: at the least, and what chance adds to it."""
_FRAGMENT = {"Accept": "text/html", "X-Fragment": "main"}


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
    lost: int = 0


async def hold_open(order: PageOrder) -> PageResult:
    """Open all pages, and close them when the time is over."""
    tally, until = Tally(), time.monotonic() + order.seconds
    async with asyncio.TaskGroup() as pages:
        for text in order.sessions:
            pages.create_task(_page(order.port, text, tally, until))
    return PageResult(dict(tally.statuses), tally.events, tally.lost)


async def _page(port: int, text: str, tally: Tally, until: float) -> None:
    renew = asyncio.Event()
    cookies, base = {"packtrain_session": text}, f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, cookies=cookies, timeout=60) as client:
        stream = asyncio.create_task(_followed(client, renew, tally))
        await _renewed(client, renew, tally, until)
        await _ended(stream)


async def _renewed(client: httpx.AsyncClient, renew: asyncio.Event, tally: Tally, until: float) -> None:
    tag = ""
    while time.monotonic() < until:
        answer = await client.get("/", headers={**_FRAGMENT, "If-None-Match": tag} if tag else _FRAGMENT)
        tally.statuses[str(answer.status_code)] += 1
        tag = answer.headers.get("ETag", "")
        looked_at = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(renew.wait(), min(USUAL_SECONDS, max(0, until - time.monotonic())))
        pause = SOONEST_SECONDS + random.uniform(0, SPREAD_SECONDS)  # noqa: S311 - spreads looks, keeps no secret
        await asyncio.sleep(max(LEAST_SECONDS - (time.monotonic() - looked_at), pause))
        renew.clear()


async def _followed(client: httpx.AsyncClient, renew: asyncio.Event, tally: Tally) -> None:
    async with client.stream("GET", STREAM) as answer:
        if answer.status_code == 200:
            async for line in answer.aiter_lines():
                if line.startswith("event:") and line != "event: progress":
                    tally.events += 1
                    renew.set()
    tally.lost += 1


async def _ended(stream: "asyncio.Task[None]") -> None:
    stream.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await stream


def main() -> None:
    """Hold pages open as ordered."""
    pin_self(LOAD_CORE)
    order = PageOrder(**json.load(sys.stdin))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    held: Coroutine[Any, Any, PageResult] = hold_open(order)
    json.dump(asdict(asyncio.run(held)), sys.stdout)


if __name__ == "__main__":
    main()
