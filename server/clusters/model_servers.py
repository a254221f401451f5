"""HTTP to served models, each request through a tunnel of its own, with a budget for each person and each model.

A tunnel is not used twice: opening it costs a round trip, and a connection that was kept may be ended by the other side
just when a prompt is sent on it. The SSH connections are not those of downloads, which would hold up every token.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpcore
from anyio import CapacityLimiter, to_thread

from server.clusters.connections import ClusterConnections, Connect
from server.clusters.tunnel_stream import TunnelStream
from server.http.bounds.shares import Places
from tuning.errors import AnswerBroken, Unavailable
from tuning.settings import ClusterSettings
from tuning.ssh.paramiko_transport import ParamikoTransport

_SILENCE_SECONDS = 600.0
"""Of a model that is asked: a long prompt on a busy GPU takes minutes to its first token."""
_SENDING_SECONDS = 60.0
_SECONDS_TO_COME_BACK = 5


@dataclass(frozen=True)
class ServerPlace:
    """Place of a served model, as its login node reaches it, and the key of its start."""

    job_id: str
    cluster: str
    address: str
    port: int
    key: str


@dataclass(frozen=True)
class AnswerLimits:
    """The most answers at once."""

    per_person: int = 8
    per_model: int = 64
    in_all: int = 256


@dataclass(frozen=True)
class ModelAnswer:
    """Answer of a served model: its status, and its body as it comes."""

    status: int
    body: AsyncIterator[bytes]


class ModelServers:
    """Served models of all clusters, reached over one connection to each login node. For one event loop."""

    def __init__(
        self,
        clusters: Mapping[str, ClusterSettings],
        connect: Connect = ParamikoTransport,
        *,
        limits: AnswerLimits = AnswerLimits(),
    ) -> None:
        self.places = Places("answers of models", per_person=limits.per_person, in_all=limits.in_all)
        """To be held by whoever asks, and while a model starts."""
        self._connections = ClusterConnections(clusters, connect)
        self._most_per_model = limits.per_model
        self._open: Counter[str] = Counter()
        self._threads = CapacityLimiter(limits.in_all)

    @asynccontextmanager
    async def post(self, place: ServerPlace, path: str, body: bytes) -> AsyncIterator[ModelAnswer]:
        """The answer to a JSON body; whoever leaves it early ends the tunnel, and with it the work behind it.

        Raises PortClosed where nothing listens any more, ForwardingRefused, Unreachable and what connecting raises,
        Unavailable where the model has all answers that it may have at once, and AnswerBroken, also from the body.
        """
        with self._room(place.job_id):
            stream = await self._open_stream(place)
            try:
                with _breaks_told():
                    answer = await self._ask(stream, place, path, body)
                async with aclosing(_told_body(answer)) as told:
                    yield ModelAnswer(answer.status, told)
            finally:
                await stream.aclose()

    def close(self) -> None:
        """End the connections."""
        self._connections.close()

    @contextmanager
    def _room(self, job_id: str) -> Iterator[None]:
        if self._open[job_id] >= self._most_per_model:
            message = f"this model gives {self._most_per_model} answers at once already"
            raise Unavailable(message, retry_after_seconds=_SECONDS_TO_COME_BACK, hint="ask again in a moment")
        self._open[job_id] += 1
        try:
            yield
        finally:
            self._open[job_id] -= 1
            self._open = +self._open

    async def _open_stream(self, place: ServerPlace) -> TunnelStream:
        transport = self._connections.transport(place.cluster)
        opened = await to_thread.run_sync(transport.tunnel, place.address, place.port, limiter=self._threads)
        return TunnelStream(opened, self._threads)

    async def _ask(self, stream: TunnelStream, place: ServerPlace, path: str, body: bytes) -> httpcore.Response:
        origin = httpcore.Origin(b"http", place.address.encode(), place.port)
        timeouts = {"read": _SILENCE_SECONDS, "write": _SENDING_SECONDS}
        headers = [
            (b"Host", f"{place.address}:{place.port}".encode()),
            (b"Authorization", f"Bearer {place.key}".encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        ]
        url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=path.encode())
        request = httpcore.Request("POST", url, headers=headers, content=body, extensions={"timeout": timeouts})
        return await httpcore.AsyncHTTP11Connection(origin, stream).handle_async_request(request)


async def _told_body(answer: httpcore.Response) -> AsyncGenerator[bytes, None]:
    with _breaks_told():
        async for chunk in answer.aiter_stream():
            yield chunk


@contextmanager
def _breaks_told() -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        hint = "ask again: it is started anew where it has ended"
        raise AnswerBroken(f"the model's server broke off: {error or type(error).__name__}", hint=hint) from error
