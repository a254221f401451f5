"""Byte stream over a tunnel, as the HTTP library takes it: what waits, waits on threads of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import Any, TypeVar

import httpcore
from anyio import CancelScope, CapacityLimiter, fail_after, to_thread

from tuning.errors import Unreachable
from tuning.ssh.tunnel import Tunnel

Done = TypeVar("Done")


class TunnelStream(httpcore.AsyncNetworkStream):
    """A tunnel that is read and written by a coroutine; one thing at a time waits on one thread.

    Whoever leaves a wait has to close the stream: its thread is let go by that alone.
    """

    def __init__(self, tunnel: Tunnel, threads: CapacityLimiter) -> None:
        """`threads` has room for one wait of each stream that it is shared with."""
        self._tunnel = tunnel
        self._threads = threads

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes; none at the end. Raises httpcore.ReadError, httpcore.ReadTimeout."""
        with _mapped(httpcore.ReadError, httpcore.ReadTimeout), fail_after(timeout):
            return await self._on_thread(lambda: self._tunnel.receive(max_bytes))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hand on all of the bytes. Raises httpcore.WriteError, httpcore.WriteTimeout."""
        with _mapped(httpcore.WriteError, httpcore.WriteTimeout), fail_after(timeout):
            await self._on_thread(lambda: self._tunnel.send(buffer))

    async def aclose(self) -> None:
        """End the tunnel at once, also for whoever is being cancelled."""
        with CancelScope(shield=True), suppress(Unreachable):
            await to_thread.run_sync(self._tunnel.close, limiter=self._threads)

    async def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Raises httpcore.UnsupportedProtocol: served models speak plain HTTP inside of the tunnel."""
        raise httpcore.UnsupportedProtocol("a served model has no TLS of its own")

    def get_extra_info(self, info: str) -> Any:
        """Nothing is known beside the bytes."""
        return None

    async def _on_thread(self, wait: Callable[[], Done]) -> Done:
        return await to_thread.run_sync(wait, abandon_on_cancel=True, limiter=self._threads)


@contextmanager
def _mapped(broken: type[Exception], too_late: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise too_late("nothing came in time") from error
    except Unreachable as error:
        raise broken(str(error)) from error
