"""Middleware that tells on each answer how often its person may still ask: the headers `RateLimit-*`."""

import math
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.bounds.admission import Admission

_NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0}
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "RateLimit-Limit": ("So many requests you may make at once.", _NUMBER),
    "RateLimit-Remaining": ("So many of them are left just now.", _NUMBER),
    "RateLimit-Reset": ("Seconds until all of them are there again.", _NUMBER),
    "RateLimit-Policy": ("So many requests in so many seconds (w) in the long run.", {"type": "string"}),
}
"""Description and schema of each; left out where any number of requests is allowed."""
_KEPT = "rate_of"


class RateHeaders:
    """Adds them to the answers of requests that were counted, those that were refused for their number included."""

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        """`state` is the app's, which holds the admission."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its answer carries the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_level(message: Message) -> None:
            if message["type"] == "http.response.start" and _KEPT in scope.get("state", {}):
                message = {**message, "headers": [*message.get("headers", ()), *self._headers(scope["state"][_KEPT])]}
            await send(message)

        await self._app(scope, receive, send_with_level)

    def _headers(self, user_id: str) -> list[tuple[bytes, bytes]]:
        admission: Admission = self._state.admission
        level = admission.level(user_id)
        if level is None:
            return []
        return [
            (b"ratelimit-limit", b"%d" % level.most),
            (b"ratelimit-remaining", b"%d" % level.left),
            (b"ratelimit-reset", b"%d" % math.ceil(level.full_in_seconds)),
            (b"ratelimit-policy", _policy(admission.per_second)),
        ]


def tell_level(scope: MutableMapping[str, Any], user_id: str | None) -> None:
    """Let the answer to a request tell how often this person may still ask."""
    if user_id is not None:
        scope.setdefault("state", {})[_KEPT] = user_id


def _policy(per_second: float) -> bytes:
    """Whole numbers: of less than one in a second, one in so many seconds."""
    if per_second >= 1:
        return b"%d;w=1" % math.floor(per_second)
    return b"1;w=%d" % math.ceil(1 / per_second)
