"""uvicorn's server with ours: its connections are watched, and when it stops, those who wait are answered first."""

import socket
from typing import cast

import uvicorn

from server.connections import BoundedConfig, BoundedProtocol, ConnectionWatch
from server.feed import Feed

_TICKS_A_SWEEP = 5
"""Of a tenth of a second each."""


class StoppingServer(uvicorn.Server):
    """uvicorn waits for all requests before it tells the app to stop; long polls and streams would hold it up."""

    def __init__(self, config: BoundedConfig, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed
        self._watch: ConnectionWatch = config.watch

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop."""
        if counter % _TICKS_A_SWEEP == 0:
            self._watch.sweep(cast("set[BoundedProtocol]", self.server_state.connections))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every wait and stream, and then stop as uvicorn does."""
        self._feed.end_waits()
        await super().shutdown(sockets)
