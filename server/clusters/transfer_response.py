"""An answer whose bytes come from a cluster, and what is held for it there."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from anyio import CancelScope, to_thread
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_GRACE_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReaderPace:
    """Slowest pace at which a reader may take a download, which holds a place on the cluster meanwhile."""

    idle_seconds: float = 30.0
    """Without taking anything."""
    whole_seconds: float = 24 * 3600.0
    slowest_bytes_per_second: float = 0.0
    """On average over the time in which the reader was waited for, after the first minute of it."""


class TransferResponse(StreamingResponse):
    """Streams the chunks, and gives back what is held when they have ended, however they did.

    A reader that is too slow is cut off: what it has is shorter than was announced, so it notices, and with a range it
    can go on where it was.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        status_code: int,
        headers: Mapping[str, str],
        *,
        holds: ExitStack,
        pace: ReaderPace,
    ) -> None:
        super().__init__(chunks, status_code, headers)
        self._chunks = chunks
        self._holds = holds.pop_all()
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._pace.whole_seconds):
                await super().__call__(scope, receive, PacedReader(send, self._pace).send)
        except (TimeoutError, ReaderTooSlow) as error:
            reason = str(error) or f"it took longer than {self._pace.whole_seconds:g} s"
            _log.warning("a download was cut off", extra={"action": "download_cut_off", "reason": reason})
        finally:
            # closing the remote file waits for the network: on a thread, and also when the reader is gone
            with CancelScope(shield=True):
                await to_thread.run_sync(self._release)

    def _release(self) -> None:
        with self._holds:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()


class ReaderTooSlow(Exception):
    """The reader takes nothing, or too little."""


@dataclass
class PacedReader:
    """Sends, and notices how long the reader is waited for."""

    _send: Send
    _pace: ReaderPace
    _monotonic: Callable[[], float] = time.monotonic
    _sent_bytes: int = field(default=0, init=False)
    _waited_seconds: float = field(default=0.0, init=False)

    async def send(self, message: Message) -> None:
        """Pass a message on. Raises ReaderTooSlow."""
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._pace.idle_seconds):
                await self._send(message)
        except TimeoutError as error:
            raise ReaderTooSlow(f"its reader took nothing for {self._pace.idle_seconds:g} s") from error
        self._waited_seconds += self._monotonic() - began
        self._sent_bytes += len(message.get("body", b""))
        least_bytes = self._pace.slowest_bytes_per_second * self._waited_seconds
        if self._waited_seconds > _GRACE_SECONDS and self._sent_bytes < least_bytes:
            raise ReaderTooSlow(f"its reader was slower than {self._pace.slowest_bytes_per_second:g} bytes a second")
