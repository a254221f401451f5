"""Requests over an asynchronous connection pool: as packtrain.transport.http, on asyncio and trio."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import anyio
import httpx

from packtrain.connection import Connection
from packtrain.errors import ServerUnreachable
from packtrain.transport.answers import PAUSES_SECONDS, broken, client_options, content_of, error_of, pause_seconds
from packtrain.transport.call import Answer, Call


class AsyncHttp:
    """A connection pool to one server, with its token in every request."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._connection = connection
        self._sleep = sleep
        self._client = httpx.AsyncClient(transport=transport, **client_options(connection))

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return the content of its answer. Raises ApiError, ServerUnreachable."""
        return cast(Answer, content_of(await self._answer(call, stream=False)))

    @asynccontextmanager
    async def stream(self, call: Call[bytes]) -> AsyncIterator[httpx.Response]:
        """An answer whose body is read by the caller. A break on the way raises ServerUnreachable."""
        answer = await self._answer(call, stream=True)
        async with self._mapped():
            try:
                yield answer
            finally:
                await answer.aclose()

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def _answer(self, call: Call[Answer], *, stream: bool) -> httpx.Response:
        for pause in PAUSES_SECONDS if call.may_repeat else ():
            try:
                return await self._once(call, stream=stream)
            except ServerUnreachable as error:
                await self._sleep(pause_seconds(pause, error))
        return await self._once(call, stream=stream)

    async def _once(self, call: Call[Answer], *, stream: bool) -> httpx.Response:
        request = self._client.build_request(call.method, call.url, **call.options())
        async with self._mapped():
            answer = await self._client.send(request, stream=stream)
            if answer.is_success:
                return answer
            await answer.aread()
            await answer.aclose()
        raise error_of(answer, self._connection)

    @asynccontextmanager
    async def _mapped(self) -> AsyncIterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise broken(error, self._connection) from error
