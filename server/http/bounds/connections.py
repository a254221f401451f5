"""uvicorn's HTTP protocol with bounds: how long a head may take, who reads nothing, and how many connections there are.

uvicorn itself waits for ever for the rest of a head, and for a reader that takes nothing. Here each connection notes
what it waits for, and `ConnectionWatch.sweep` cuts off those that took too long.
"""

import json
import logging
import math
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.http.access.peer import PeerNoted
from server.http.errors.problems import MEDIA_TYPE

MAX_HEAD_BYTES = 64 * 1024
_CROWDED_AFTER_SECONDS = 1.0
MOST_HALF_OPEN = 512
"""Of more half-open requests, the oldest are cut off before their time, unless they are younger than a second."""
_OTHER_DESCRIPTORS = 200
"""For the database, files, the clusters and the log."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionLimits:
    """Seconds that one connection may take, and the most connections that there may be."""

    head_seconds: float
    idle_seconds: float
    max_connections: int


def usable_connections(wanted: int) -> int:
    """Number of wanted connections (at least 16) that descriptors suffice for; raises the soft limit up to the hard."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_DESCRIPTORS
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(16, min(wanted, max(allowed, soft) - _OTHER_DESCRIPTORS))


class ConnectionWatch:
    """The bounds of all connections of a server."""

    def __init__(self, limits: ConnectionLimits, monotonic: Callable[[], float]) -> None:
        self.limits = limits
        self.now = monotonic

    def sweep(self, connections: "Iterable[BoundedProtocol]") -> None:
        """Cut off those that took too long, and the oldest of too many half-open; to be called about once a second."""
        now = self.now()
        for connection in list(connections):
            connection.cut_when_late(now, self.limits)
        half_open = _oldest_first(each for each in connections if each.is_half_open)
        for connection in half_open[: max(0, len(half_open) - MOST_HALF_OPEN)]:
            if now - _waits_since(connection) > _CROWDED_AFTER_SECONDS:
                connection.abort("crowded")

    def make_room(self, connections: "set[BoundedProtocol]", newest: "BoundedProtocol") -> None:
        """Cut off some of those that wait longest, half-open ones first, where there are too many connections.

        Where none waits, the newest itself is one too many.
        """
        if len(connections) <= self.limits.max_connections:
            return
        waiting = [each for each in connections if each.waits_since is not None and each is not newest]
        half_open, idle = (
            _oldest_first(each for each in waiting if each.is_half_open is kind) for kind in (True, False)
        )
        for connection in [*half_open, *idle, newest][: 1 + self.limits.max_connections // 64]:
            connection.abort("full")


class BoundedConfig(uvicorn.Config):
    """uvicorn's settings, with the watch over its connections."""

    def __init__(self, app: Any, watch: ConnectionWatch, **settings: Any) -> None:
        super().__init__(app, http=BoundedProtocol, ws="none", **settings)
        self.watch = watch

    def load(self) -> None:
        """Load the app, with uvicorn's layers around it, and note each connection's own address around those."""
        super().load()
        self.loaded_app = PeerNoted(self.loaded_app)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, config: BoundedConfig, *arguments: Any, **more: Any) -> None:
        super().__init__(config, *arguments, **more)
        self._watch = config.watch
        self.waits_since: float | None = None
        """Since when the rest of a head, or of a body that nobody reads, or the next request is waited for."""
        self.is_half_open = True
        """No head has arrived whole yet."""
        self._bytes_of_head = 0
        """Since the last byte of a body, or the end of a head: trailers and chunk extensions count too."""
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self.waits_since = self._watch.now()
        self._watch.make_room(cast("set[BoundedProtocol]", self.connections), self)

    def data_received(self, data: bytes) -> None:
        """Parse; a head that grows without end is refused."""
        self._bytes_of_head += len(data)
        super().data_received(data)
        if self._bytes_of_head > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head is larger than {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self.waits_since = self._watch.now()

    def on_headers_complete(self) -> None:
        """Its head is whole: from here on the app decides how long it takes."""
        self.waits_since, self.is_half_open, self._bytes_of_head = None, False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._bytes_of_head = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """End of a response: the unread rest of the request's body, and the next head, have to come soon."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last:
            self.waits_since = self._watch.now()

    def resume_writing(self) -> None:
        """The reader has taken most of what was to be sent."""
        self._unsent_bytes = 0
        super().resume_writing()

    def cut_when_late(self, now: float, limits: ConnectionLimits) -> None:
        """End it where it waits for too long, or where its reader has taken nothing for too long."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or not self._unsent_bytes or unsent < self._unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent, now
        elif now - self._unsent_since > limits.idle_seconds:
            self.abort("not read")
        if not unsent and self.waits_since is not None and now - self.waits_since > limits.head_seconds:
            self.abort("late")

    def abort(self, reason: str) -> None:
        """End it at once, whatever is still to be sent."""
        _log.debug("a connection was cut off", extra={"action": "connection_cut_off", "reason": reason})
        self.waits_since = None
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other error."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        body = json.dumps({"type": "about:blank", "title": status.phrase, "status": status, "detail": detail})
        head = [
            f"HTTP/1.1 {status} {status.phrase}",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", body]).encode())
        self.transport.close()


def _oldest_first(connections: Iterable[BoundedProtocol]) -> list[BoundedProtocol]:
    return sorted(connections, key=_waits_since)


def _waits_since(connection: BoundedProtocol) -> float:
    return connection.waits_since if connection.waits_since is not None else math.inf
