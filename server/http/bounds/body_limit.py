"""Middleware that bounds request bodies: size, JSON values, time to arrive, and how much of them is held at once."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.json_values import AllValues, ValueCount

MOST_VALUES = 8_000
"""Of JSON: four times what a configuration may hold. Parsing and judging so many holds up everybody else for a few
milliseconds, for seconds those that a megabyte holds."""
_GRACE_SECONDS = 60.0
"""For so long a body may be slower than the slowest rate: a connection may have to begin slowly."""
_CLOSE = {"Connection": "close"}
_SECONDS_TO_COME_BACK = "5"


class BodyRoom:
    """Room for bodies that are held as a whole, of all requests at once. For one event loop."""

    def __init__(self, most_bytes: int, *, free_bytes: int) -> None:
        """Bytes of a body beyond `free_bytes` take room: small ones are held in any case."""
        self._most_bytes, self._free_bytes = most_bytes, free_bytes
        self._held_bytes = 0

    def take(self, before_bytes: int, now_bytes: int) -> None:
        """Let a body grow from one size to another. Raises HTTPException (503) where there is no room."""
        more = self._beyond(now_bytes) - self._beyond(before_bytes)
        if more and self._held_bytes + more > self._most_bytes:
            headers = {**_CLOSE, "Retry-After": _SECONDS_TO_COME_BACK}
            raise HTTPException(503, "too many large questions are being answered at this moment", headers)
        self._held_bytes += more

    def give_back(self, size_bytes: int) -> None:
        """A body of this size is held no longer."""
        self._held_bytes -= self._beyond(size_bytes)

    def _beyond(self, size_bytes: int) -> int:
        return max(0, size_bytes - self._free_bytes)


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
    counted: Callable[[], ValueCount] = AllValues
    room: BodyRoom | None = None
    """None where a body is never held as a whole, or is small."""


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
        others: Mapping[re.Pattern[str], BodyBounds],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`others` hold for the paths that their patterns match, `bounds` for all the rest."""
        self._app = app
        self._bounds, self._others = bounds, others
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self._bounds_of(scope["path"]), _announced_bytes(scope), receive, self._monotonic)
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.let_go()

    def _bounds_of(self, path: str) -> BodyBounds:
        return next((bounds for paths, bounds in self._others.items() if paths.fullmatch(path)), self._bounds)


class _Body:
    """The body of one request while it arrives."""

    def __init__(
        self, bounds: BodyBounds, announced_bytes: int, receive: Receive, monotonic: Callable[[], float]
    ) -> None:
        self._bounds, self._announced_bytes = bounds, announced_bytes
        self._receive, self._monotonic = receive, monotonic
        self._received_bytes, self._values = 0, 0
        self._roomed_bytes = 0
        self._counted = bounds.counted()
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
        self._take_room()
        return message

    def let_go(self) -> None:
        """Nobody needs it any more."""
        if self._bounds.room is not None:
            self._bounds.room.give_back(self._roomed_bytes)
            self._roomed_bytes = 0

    def _take_room(self) -> None:
        if self._bounds.room is not None:
            self._bounds.room.take(self._roomed_bytes, self._received_bytes)
            self._roomed_bytes = self._received_bytes

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
        """Before it is parsed."""
        if self._bounds.max_values is None:
            return
        self._values += self._counted.count(chunk)
        if self._values > self._bounds.max_values:
            raise HTTPException(413, f"the body holds more than {self._bounds.max_values} values", _CLOSE)


def _announced_bytes(scope: Scope) -> int:
    announced = Headers(scope=scope).get("content-length", "")
    # 18 digits are under every limit of int(); a number with more is larger than any body
    return int(announced[:18]) if announced.isdecimal() else 0


def _too_slow(reason: str) -> HTTPException:
    return HTTPException(408, reason, _CLOSE)
