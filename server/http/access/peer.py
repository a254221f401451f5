"""Address at the other end of a connection, noted before X-Forwarded-For of a proxy takes its place."""

from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = "peer"


class PeerNoted:
    """Outermost of all layers: outside of uvicorn's own, which believes proxies."""

    def __init__(self, app: Any) -> None:
        self._app = cast(ASGIApp, app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with the address noted."""
        if scope["type"] == "http":
            scope.setdefault("state", {})[_KEPT] = _client(scope)
        await self._app(scope, receive, send)


def peer_of(scope: Scope) -> str:
    """The address at the other end of the connection; empty where there is none."""
    return str(scope.get("state", {}).get(_KEPT, _client(scope)))


def _client(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""
