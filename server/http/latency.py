"""Middleware that measures how long requests wait for the first byte of their answers: a histogram for /metrics."""

import time
from collections.abc import Callable, MutableMapping
from typing import Any

from prometheus_client import Histogram
from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_KEPT = "operation"
_OTHER, POLL, RENEWAL = "other", "show_progress", "renew_queue"


class RequestSeconds:
    """Seconds of all requests since this server's start, by operation (its name in the API's document) and status."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.histogram = Histogram(
            "packtrain_request_seconds",
            "Time until an answer begins.",
            labelnames=("operation", "status"),
            buckets=_SECONDS,
            registry=None,
        )

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one request; of statuses only the class (2xx) is told."""
        self.histogram.labels(operation, f"{status // 100}xx").observe(seconds)


class Latency:
    """Measures each request that does not ask to be kept waiting (`?wait=`)."""

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        """`state` is the app's, which holds the histogram."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note when its answer begins."""
        if scope["type"] != "http" or b"wait=" in scope["query_string"]:
            await self._app(scope, receive, send)
            return
        seconds: RequestSeconds = self._state.request_seconds
        began = seconds.monotonic()

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds.observe(_operation(scope), message["status"], seconds.monotonic() - began)
            await send(message)

        await self._app(scope, receive, send_and_note)


def name_operation(scope: MutableMapping[str, Any], name: str) -> None:
    """Name the operation of a request that is answered before its route is looked for."""
    scope.setdefault("state", {})[_KEPT] = name


def _operation(scope: Scope) -> str:
    """The name of the route; what found none, or was answered before one was looked for, has one name together."""
    return str(getattr(scope.get("route"), "name", None) or scope.get("state", {}).get(_KEPT) or _OTHER)
