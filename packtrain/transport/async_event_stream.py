"""An event stream that outlives its connections, asynchronous: as packtrain.transport.event_stream."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import anyio
import httpx

from packtrain.errors import ServerUnreachable
from packtrain.transport.event_stream import END, PAUSE_SECONDS, EventParser, Patience, ServerEvent


async def resumed_events(
    open_stream: Callable[[str | None], AbstractAsyncContextManager[httpx.Response]], *, patience_seconds: float
) -> AsyncIterator[ServerEvent]:
    """The events of a stream up to `event: end`, whatever breaks on the way: nothing is lost, nothing comes twice.

    `open_stream(last_id)` opens it behind the event of that id. The first opening is not forgiven. Raises
    ServerUnreachable when nothing was heard for longer than the patience.
    """
    patience = Patience(patience_seconds, time.monotonic)
    last_id: str | None = None
    while True:
        try:
            async with open_stream(last_id) as answer:
                patience.heard()
                parser = EventParser()
                async for line in answer.aiter_lines():
                    event = parser.feed(line)
                    if event is None:
                        continue
                    if event.type == END:
                        return
                    patience.heard()
                    last_id = event.id
                    yield event
        except ServerUnreachable:
            if patience.is_over():
                raise
        await anyio.sleep(PAUSE_SECONDS)
