"""Server-sent events: how they are framed, and the answer that carries them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing

from anyio import create_task_group
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from server.http.presence import cancel_when_gone

HEARTBEAT = b": still here\n\n"
HEARTBEAT_SECONDS = 15.0
"""Proxies commonly close what was silent for 30 to 60 seconds."""


def event_frame(data: str, *, event: str | None = None, event_id: str | None = None) -> bytes:
    """One event. `data` must be one line (JSON is): a line break would begin another field."""
    lines = [] if event_id is None else [f"id: {event_id}"]
    if event is not None:
        lines.append(f"event: {event}")
    return "\n".join([*lines, f"data: {data}", "", ""]).encode()


def position_frame(event_id: str) -> bytes:
    """Tell the reader its place without an event, so that a break before the first event loses none."""
    return f"id: {event_id}\n\n".encode()


class EventStream(Response):
    """Sends frames until they end, or the reader is gone or takes nothing any more; only one waits in memory."""

    media_type = "text/event-stream"

    def __init__(
        self, frames: AsyncGenerator[bytes, None], *, holds: ExitStack, slowest_read_seconds: float = 30.0
    ) -> None:
        """A reader who takes nothing for `slowest_read_seconds` is let go; its `Last-Event-ID` finds its place again.

        `holds` is closed when the stream has ended, however it did.
        """
        self.status_code = 200
        self.background = None
        self._frames = frames
        self._holds = holds
        self._slowest_read_seconds = slowest_read_seconds
        # X-Accel-Buffering: nginx would hold events back until a buffer is full
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._holds:
            async with create_task_group() as group:
                group.start_soon(cancel_when_gone, receive, group.cancel_scope)
                await self._send_all(send)
                group.cancel_scope.cancel()

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for frame in frames:
                if not await self._is_taken(send, {"type": "http.response.body", "body": frame, "more_body": True}):
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _is_taken(self, send: Send, message: Message) -> bool:
        try:
            async with asyncio.timeout(self._slowest_read_seconds):
                await send(message)
        except TimeoutError:
            return False
        return True
