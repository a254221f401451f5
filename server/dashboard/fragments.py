"""Rendered content that many open pages share: made once in a few seconds at most for all who look at the same."""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from server.dashboard.page import HEADERS
from server.http.compression import accepts_gzip

_HOLDS_SECONDS = 4.0
"""For what changes with time alone; what must be newer is told by `changed`."""
_REST = 8.0
"""Pause after a rendering, in processor time of it: polls are answered meanwhile, and a ninth of a processor is the
most that all renderings take."""
_LONGEST_REST_SECONDS = 0.4
"""The first rendering after a start takes longer than all others; nobody waits for eight times of that."""
_AT_ONCE = 3
"""Where the database is slow, so that one page does not keep all others waiting."""
_MOST_KEPT = 200
"""Each with what one page shows: 100 kB at most."""
_LEVEL = 5


@dataclass(frozen=True)
class Fragment:
    """Content of a page as bytes, plain and compressed, with its tag."""

    html: bytes
    compressed: bytes
    etag: str

    @classmethod
    def of(cls, html: str) -> "Fragment":
        """From the rendered text."""
        plain = html.encode()
        return cls(plain, gzip.compress(plain, _LEVEL, mtime=0), f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"')

    def answer(self, request: Request) -> Response:
        """The answer to a page's script; 304 where it has this content already."""
        headers = {**HEADERS, "ETag": self.etag, "Vary": f"{HEADERS['Vary']}, Accept-Encoding"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if accepts_gzip(request.headers.getlist("accept-encoding")):
            headers["Content-Encoding"] = "gzip"
            return Response(self.compressed, media_type="text/html", headers=headers)
        return Response(self.html, media_type="text/html", headers=headers)


class SharedFragments:
    """Fragments by what they show and to whom. All methods belong to the event loop; content is made on threads."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        holds_seconds: float = _HOLDS_SECONDS,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._holds_seconds = holds_seconds
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._resumes_at = 0.0
        self._waiting: dict[Hashable, asyncio.Task[Fragment]] = {}
        self._known: dict[Hashable, Hashable] = {}
        """Changes that those who wait know of, by key."""
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def kept(self, key: Hashable, changed: Hashable) -> Fragment | None:
        """The fragment of this key, where one of the last few seconds knows of the change."""
        kept = self._kept.get(key)
        if kept is None or kept.changed != changed or self._monotonic() - kept.made_at >= self._holds_seconds:
            return None
        return kept.fragment

    async def get(self, key: Hashable, changed: Hashable, make: Callable[[], str], *, rests: bool = True) -> Fragment:
        """The fragment of this key, a few seconds old at most, made when `changed` was so, or later.

        Those who ask while it waits for its turn share it. Somebody who waits for what they have just done need not
        wait for the pause (`rests`). Raises what `make` raises.
        """
        if (fragment := self.kept(key, changed)) is not None:
            return fragment
        task = self._waiting.get(key)
        if task is None:
            task = self._waiting[key] = asyncio.create_task(self._made(key, make, rests=rests))
            task.add_done_callback(_look_at_failure)
        self._known[key] = changed
        return await asyncio.shield(task)

    async def _made(self, key: Hashable, make: Callable[[], str], *, rests: bool) -> Fragment:
        async with self._places:
            await self._sleep(max(0.0, self._resumes_at - self._monotonic()) if rests else 0.0)
            del self._waiting[key]  # those who ask from here on may know of more than what is read now
            changed, made_at = self._known.pop(key), self._monotonic()
            fragment, cpu_seconds = await run_in_threadpool(_timed, make)
            self._resumes_at = self._monotonic() + min(_REST * cpu_seconds, _LONGEST_REST_SECONDS)
        self._keep(key, _Kept(fragment, changed, made_at))
        return fragment

    def _keep(self, key: Hashable, kept: "_Kept") -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


@dataclass(frozen=True)
class _Kept:
    fragment: Fragment
    changed: Hashable
    made_at: float


def _timed(make: Callable[[], str]) -> tuple[Fragment, float]:
    """The fragment, and the processor time that it took."""
    began = time.thread_time()
    fragment = Fragment.of(make())
    return fragment, time.thread_time() - began


def _look_at_failure(task: asyncio.Task[Fragment]) -> None:
    if not task.cancelled():
        task.exception()  # all who asked may have left
