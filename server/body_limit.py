"""Bodies that are too large are refused while they arrive, and never held."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Counts what is received: a body without a Content-Length, or with a false one, is held to the limit as well.

    The refusal is raised where the app reads the body, so that it becomes the same answer as every other error
    (starlette's own middleware of this kind answers in plain text).
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, exempt: Collection[str]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body counted."""
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
            return
        received = self._announced_excess(scope)

        async def counted() -> Message:
            nonlocal received
            self._refuse_beyond(received)
            message = await receive()
            received += len(message.get("body", b""))
            self._refuse_beyond(received)
            return message

        await self._app(scope, counted, send)

    def _announced_excess(self, scope: Scope) -> int:
        announced = Headers(scope=scope).get("content-length", "")
        # 18 digits are under every limit of int(); a number with more is larger than any body
        size = int(announced[:18]) if announced.isdecimal() else 0
        return size if size > self._max_bytes else 0

    def _refuse_beyond(self, received: int) -> None:
        if received > self._max_bytes:
            raise HTTPException(413, f"the body is larger than {self._max_bytes} bytes", {"Connection": "close"})
