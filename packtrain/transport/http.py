"""Requests over a connection pool: safe ones are sent again when nobody answers, refusals become ApiError."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import cast

import httpx

from packtrain.connection import Connection
from packtrain.errors import ServerUnreachable
from packtrain.transport.answers import PAUSES_SECONDS, broken, client_options, content_of, error_of, pause_seconds
from packtrain.transport.call import Answer, Call


class Http:
    """A connection pool to one server, with its token in every request."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._sleep = sleep
        self._client = httpx.Client(transport=transport, **client_options(connection))

    def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return the content of its answer. Raises ApiError, ServerUnreachable."""
        return cast(Answer, content_of(self._answer(call, stream=False)))

    @contextmanager
    def stream(self, call: Call[bytes]) -> Iterator[httpx.Response]:
        """An answer whose body is read by the caller. A break on the way raises ServerUnreachable."""
        answer = self._answer(call, stream=True)
        with self._mapped(), closing(answer):
            yield answer

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _answer(self, call: Call[Answer], *, stream: bool) -> httpx.Response:
        for pause in PAUSES_SECONDS if call.may_repeat else ():
            try:
                return self._once(call, stream=stream)
            except ServerUnreachable as error:
                self._sleep(pause_seconds(pause, error))
        return self._once(call, stream=stream)

    def _once(self, call: Call[Answer], *, stream: bool) -> httpx.Response:
        request = self._client.build_request(call.method, call.url, **call.options())
        with self._mapped():
            answer = self._client.send(request, stream=stream)
            if answer.is_success:
                return answer
            answer.read()
            answer.close()
        raise error_of(answer, self._connection)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise broken(error, self._connection) from error
