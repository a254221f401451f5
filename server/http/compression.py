"""Middleware that compresses whole answers of text; streams, ranges and files go as they are."""

import gzip
import re
from collections.abc import Sequence
from typing import Any

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHORTEST_BYTES = 1024
"""Less is not worth it: it fits into one packet."""
_LEVEL = 5
_ON_A_THREAD_BYTES = 32 * 1024
"""More would hold up every other request for a millisecond and longer."""
_TEXTS = re.compile(r"(text/(?!event-stream)[\w.+-]+|application/([\w.+-]+\+)?(json|yaml))\s*(;.*)?", re.I)
_NOT_WHOLE = ("content-encoding", "content-range", "accept-ranges")
_ACCEPTED = re.compile(r"\s*(gzip|x-gzip|\*)\s*(;\s*q\s*=\s*([0-9.]{1,8})\s*)?", re.I)


class Compression:
    """Compresses what its reader takes, comes in one piece, and is longer than a kilobyte."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its answer comes compressed where that may be."""
        if scope["type"] == "http" and accepts_gzip(Headers(scope=scope).getlist("accept-encoding")):
            send = _Answer(send).send
        await self._app(scope, receive, send)


class _Answer:
    """The answer to one request: its head waits until its body shows whether it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: dict[str, Any] | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_compressed(message):
            self._head = dict(message)
            return
        head, self._head = self._head, None
        if head is not None:
            body = message.get("body", b"")
            if not message.get("more_body", False) and len(body) >= SHORTEST_BYTES:
                body = await _compressed(body)
                message = {**message, "body": body}
                head["headers"] = _headers_for(head, len(body))
            await self._send(head)
        await self._send(message)


def accepts_gzip(accept_encoding: Sequence[str]) -> bool:
    """Whether a reader takes gzip, by its Accept-Encoding (RFC 9110, section 12.5.3). Pure."""
    weights: dict[str, bool] = {}
    for part in ",".join(accept_encoding)[:1000].split(","):
        if (found := _ACCEPTED.fullmatch(part)) is not None:
            weights[found[1].lower().removeprefix("x-")] = found[3] is None or found[3].strip("0.") != ""
    return weights.get("gzip", weights.get("*", False))


def _may_be_compressed(head: Message) -> bool:
    headers = Headers(raw=head.get("headers", []))
    is_text = _TEXTS.fullmatch(headers.get("content-type", "")) is not None
    is_named_exactly = not headers.get("etag", "W/").startswith("W/")
    return is_text and not is_named_exactly and not any(name in headers for name in _NOT_WHOLE)


def _headers_for(head: Message, length_bytes: int) -> list[tuple[bytes, bytes]]:
    headers = MutableHeaders(raw=list(head["headers"]))
    headers["Content-Encoding"], headers["Content-Length"] = "gzip", str(length_bytes)
    headers.add_vary_header("Accept-Encoding")
    return headers.raw


async def _compressed(body: bytes) -> bytes:
    if len(body) < _ON_A_THREAD_BYTES:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await to_thread.run_sync(lambda: gzip.compress(body, _LEVEL, mtime=0))
