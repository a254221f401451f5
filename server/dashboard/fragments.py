"""Rendered content that many open pages share: made once in a few seconds at most for all who look at the same."""

import gzip
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from server.dashboard.page import HEADERS
from server.http.compression import accepts_gzip

_HOLDS_SECONDS = 4.0
"""To render a queue keeps all other requests waiting for some 50 ms. What must be newer has what changed in its key."""
_MOST_KEPT = 200
"""Each with what one page shows: 100 kB at most."""
_LEVEL = 5


@dataclass(frozen=True)
class Fragment:
    """Content of a page as bytes, plain and compressed, with its tag."""

    html: bytes
    compressed: bytes
    etag: str

    @classmethod
    def of(cls, html: str) -> "Fragment":
        """From the rendered text."""
        plain = html.encode()
        return cls(plain, gzip.compress(plain, _LEVEL, mtime=0), f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"')

    def answer(self, request: Request) -> Response:
        """The answer to a page's script; 304 where it has this content already."""
        headers = {**HEADERS, "ETag": self.etag, "Vary": f"{HEADERS['Vary']}, Accept-Encoding"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if accepts_gzip(request.headers.getlist("accept-encoding")):
            headers["Content-Encoding"] = "gzip"
            return Response(self.compressed, media_type="text/html", headers=headers)
        return Response(self.html, media_type="text/html", headers=headers)


class SharedFragments:
    """Fragments by what they show and to whom. For several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, holds_seconds: float = _HOLDS_SECONDS) -> None:
        self._monotonic = monotonic
        self._holds_seconds = holds_seconds
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._kept: OrderedDict[Hashable, tuple[float, Fragment]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], str]) -> Fragment:
        """The fragment of this key, a few seconds old at most; of many who ask at once, one makes it."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            kept = self._kept.get(key)
            if kept is not None and self._monotonic() - kept[0] < self._holds_seconds:
                return kept[1]
            fragment = Fragment.of(make())
            self._keep(key, fragment)
            return fragment

    def _keep(self, key: Hashable, fragment: Fragment) -> None:
        with self._lock:
            self._kept[key] = (self._monotonic(), fragment)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                oldest, _ = self._kept.popitem(last=False)
                self._making.pop(oldest, None)
