"""How the server stops: those who wait are answered first."""

import socket

import uvicorn

from server.feed import Feed


class StoppingServer(uvicorn.Server):
    """uvicorn waits for all requests before it tells the app to stop; long polls and streams would hold it up."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every wait and stream, and then stop as uvicorn does."""
        self._feed.end_waits()
        await super().shutdown(sockets)
