"""An answer whose bytes come from a cluster, and what is held for it there."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from anyio import CancelScope, to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class TransferResponse(StreamingResponse):
    """Streams the chunks, and gives back what is held when they have ended, however they did."""

    def __init__(
        self, chunks: Iterator[bytes], status_code: int, headers: Mapping[str, str], *, holds: ExitStack
    ) -> None:
        super().__init__(chunks, status_code, headers)
        self._chunks = chunks
        self._holds = holds.pop_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # closing the remote file waits for the network: on a thread, and also when the reader is gone
            with CancelScope(shield=True):
                await to_thread.run_sync(self._release)

    def _release(self) -> None:
        with self._holds:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
