"""uvicorn's server with ours: its connections are watched, and when it stops, those who wait or upload are answered."""

import socket
from typing import cast

import uvicorn
from fastapi import FastAPI

from server.feed.cache import Feed
from server.file_checks import FileChecks
from server.http.bounds.connections import BoundedConfig, BoundedProtocol, ConnectionWatch

_TICKS_A_SWEEP = 5
"""Of a tenth of a second each."""


class StoppingServer(uvicorn.Server):
    """uvicorn waits for all requests before it tells the app to stop; polls, streams and uploads would hold it up."""

    def __init__(self, config: BoundedConfig, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed
        self._file_checks: FileChecks = cast(FastAPI, config.app).state.file_checks
        self._watch: ConnectionWatch = config.watch

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop."""
        if counter % _TICKS_A_SWEEP == 0:
            self._watch.sweep(cast("set[BoundedProtocol]", self.server_state.connections))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every wait and stream, cut off uploads, and then stop as uvicorn does."""
        self._feed.end_waits()
        self._file_checks.stop()
        await super().shutdown(sockets)
