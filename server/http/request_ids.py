"""Middleware that gives every answer an `X-Request-Id`, by which people, logs and proxies speak of the same request."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-Id"
_HEADER = REQUEST_ID.lower().encode()
SANE_ID = "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
"""Ids that a proxy or a client may choose; anything else is not repeated into headers and logs."""
_SANE = re.compile(SANE_ID.encode())
_KEPT = "request_id"


class RequestIds:
    """Takes over the id that was sent, where it is a sane one, and makes one where it is not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with an id; its answer carries it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope).encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (_HEADER, request_id)]}
            await send(message)

        await self._app(scope, receive, send_with_id)


def request_id_of(scope: Scope) -> str:
    """The id of a request: the same at every asking."""
    state = scope.setdefault("state", {})
    if _KEPT not in state:
        state[_KEPT] = _sent(scope) or secrets.token_hex(8)
    found: str = state[_KEPT]
    return found


def _sent(scope: Scope) -> str | None:
    sent = [value for name, value in scope["headers"] if name == _HEADER]
    return sent[0].decode() if len(sent) == 1 and _SANE.fullmatch(sent[0]) else None
