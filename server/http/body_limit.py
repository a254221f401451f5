"""Middleware that bounds request bodies: their size, how many JSON values they hold, and how slowly they may arrive."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_VALUES = 8_000
"""Of JSON: four times what a configuration may hold. Parsing and judging so many holds up everybody else for a few
milliseconds, for seconds those that a megabyte holds."""
_STRUCTURE = (b"[", b"{", b",", b":")
_GRACE_SECONDS = 60.0
"""For so long a body may be slower than the slowest rate: a connection may have to begin slowly."""
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class BodyBounds:
    """Bounds on the size of a request body, and on the time that it may take to arrive."""

    max_bytes: int
    idle_seconds: float
    """Without a byte."""
    whole_seconds: float
    slowest_bytes_per_second: float = 0.0
    """On average, after the first minute."""
    max_values: int | None = None
    """Of JSON; None where it is no JSON."""


class BodyLimit:
    """Counts what is received: a body without a Content-Length, or with a false one, is held to the limit as well.

    The refusal is raised where the app reads the body, so that it becomes the same answer as every other error
    (starlette's own middleware of this kind answers in plain text).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bounds: BodyBounds,
        uploads: Collection[str],
        upload_bounds: BodyBounds,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`upload_bounds` hold for the paths in `uploads`, whose bodies are never held as a whole."""
        self._app = app
        self._bounds, self._upload_bounds = bounds, upload_bounds
        self._uploads = uploads
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted."""
        if scope["type"] == "http":
            bounds = self._upload_bounds if scope["path"] in self._uploads else self._bounds
            receive = _Body(bounds, _announced_bytes(scope), receive, self._monotonic).receive
        await self._app(scope, receive, send)


class _Body:
    """The body of one request while it arrives."""

    def __init__(
        self, bounds: BodyBounds, announced_bytes: int, receive: Receive, monotonic: Callable[[], float]
    ) -> None:
        self._bounds, self._announced_bytes = bounds, announced_bytes
        self._receive, self._monotonic = receive, monotonic
        self._received_bytes, self._values = 0, 0
        self._waited_seconds = 0.0
        self._is_whole = False

    async def receive(self) -> Message:
        """The next message; behind the end of the body, whatever comes then."""
        if self._is_whole:
            return await self._receive()
        self._refuse_beyond(self._announced_bytes)
        message = await self._received_in_time()
        chunk = message.get("body", b"")
        self._is_whole = not message.get("more_body", False)
        self._received_bytes += len(chunk)
        self._refuse_beyond(self._received_bytes)
        self._refuse_slow_sender()
        self._refuse_many_values(chunk)
        return message

    async def _received_in_time(self) -> Message:
        """Only the time in which the sender is waited for is counted, not what is done with the body in between."""
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._bounds.idle_seconds):
                message = await self._receive()
        except TimeoutError as error:
            raise _too_slow(f"nothing of the body arrived for {self._bounds.idle_seconds:g} s") from error
        self._waited_seconds += self._monotonic() - began
        return message

    def _refuse_slow_sender(self) -> None:
        expected_bytes = self._bounds.slowest_bytes_per_second * self._waited_seconds
        if self._waited_seconds > self._bounds.whole_seconds:
            raise _too_slow(f"the body took longer than {self._bounds.whole_seconds:g} s to arrive")
        if self._waited_seconds > _GRACE_SECONDS and self._received_bytes < expected_bytes:
            raise _too_slow(f"the body arrives slower than {self._bounds.slowest_bytes_per_second:g} bytes a second")

    def _refuse_beyond(self, size_bytes: int) -> None:
        if size_bytes > self._bounds.max_bytes:
            raise HTTPException(413, f"the body is larger than {self._bounds.max_bytes} bytes", _CLOSE)

    def _refuse_many_values(self, chunk: bytes) -> None:
        """Before it is parsed: each value but the first stands behind one of these characters."""
        if self._bounds.max_values is None:
            return
        self._values += sum(map(chunk.count, _STRUCTURE))
        if self._values > self._bounds.max_values:
            raise HTTPException(413, f"the body holds more than {self._bounds.max_values} values", _CLOSE)


def _announced_bytes(scope: Scope) -> int:
    announced = Headers(scope=scope).get("content-length", "")
    # 18 digits are under every limit of int(); a number with more is larger than any body
    return int(announced[:18]) if announced.isdecimal() else 0


def _too_slow(reason: str) -> HTTPException:
    return HTTPException(408, reason, _CLOSE)
