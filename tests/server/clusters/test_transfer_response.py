"""Resources of a download are given back, however it ends."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from anyio import CancelScope
from starlette.types import Message

from server.clusters.transfer_response import PacedReader, ReaderPace, ReaderTooSlow, TransferResponse
from tests.factories import Seconds
from tuning.errors import RemoteFileError

pytestmark = pytest.mark.anyio


class Held:
    """The chunks of a remote file, and whether it and its budget were given back."""

    def __init__(self, count: int, *, breaks: bool = False, pace: ReaderPace = ReaderPace()) -> None:
        self.pace = pace
        self.log: list[str] = []
        self.count = count
        self.breaks = breaks

    def chunks(self) -> Iterator[bytes]:
        try:
            for _ in range(self.count):
                yield b"chunk"
            if self.breaks:
                raise RemoteFileError("shorter than it was")
        finally:
            self.log.append("closed")

    def response(self) -> TransferResponse:
        chunks = self.chunks()
        next(chunks)  # as `exactly` does
        with ExitStack() as stack:
            stack.callback(self.log.append, "given back")
            return TransferResponse(chunks, 200, {}, holds=stack, pace=self.pace)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_at_the_end() -> None:
    held, sent = Held(3), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    response = held.response()
    assert held.log == []
    await response({"type": "http", "asgi": {}}, never, send)
    assert b"".join(message.get("body", b"") for message in sent) == b"chunkchunk"
    assert held.log == ["closed", "given back"]


async def test_when_the_reader_goes() -> None:
    held, took = Held(1000), asyncio.Event()

    async def gone() -> Message:
        await took.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            took.set()
            await asyncio.Event().wait()

    await asyncio.wait_for(held.response()({"type": "http", "asgi": {}}, gone, send), 5)
    assert held.log == ["closed", "given back"]


async def test_when_the_server_cancels_it() -> None:
    held, took = Held(1000), asyncio.Event()

    async def send(message: Message) -> None:
        took.set()
        await asyncio.Event().wait()

    with CancelScope() as scope:
        scope_of_request = asyncio.create_task(cancel_when(took, scope))
        await held.response()({"type": "http", "asgi": {}}, never, send)
    await scope_of_request
    assert held.log == ["closed", "given back"]


async def cancel_when(happened: asyncio.Event, scope: CancelScope) -> None:
    await happened.wait()
    scope.cancel()


async def test_when_the_file_breaks() -> None:
    held = Held(2, breaks=True)

    async def send(message: Message) -> None:
        pass

    with pytest.raises((RemoteFileError, ExceptionGroup)):
        await held.response()({"type": "http", "asgi": {}}, never, send)
    assert held.log == ["closed", "given back"]


async def test_when_the_reader_takes_nothing() -> None:
    held = Held(3, pace=ReaderPace(idle_seconds=0.01))

    async def send(_message: Message) -> None:
        await asyncio.Event().wait()

    await asyncio.wait_for(held.response()({"type": "http", "asgi": {}}, never, send), 5)
    assert held.log == ["closed", "given back"]


async def test_when_it_takes_too_long_as_a_whole() -> None:
    held = Held(10**9, pace=ReaderPace(whole_seconds=0.05))

    async def send(_message: Message) -> None:
        await asyncio.sleep(0)

    await asyncio.wait_for(held.response()({"type": "http", "asgi": {}}, never, send), 5)
    assert held.log == ["closed", "given back"]


async def test_a_reader_that_takes_too_little_is_noticed(seconds: Seconds) -> None:
    async def take(_message: Message) -> None:
        seconds.now += 20

    reader = PacedReader(take, ReaderPace(idle_seconds=60, slowest_bytes_per_second=100), seconds)
    for _ in range(3):
        await reader.send({"type": "http.response.body", "body": b"x" * 10})
    with pytest.raises(ReaderTooSlow, match="100 bytes a second"):
        await reader.send({"type": "http.response.body", "body": b"x" * 10})


async def test_a_reader_that_is_fast_enough_is_served_for_long(seconds: Seconds) -> None:
    taken: list[Message] = []

    async def take(message: Message) -> None:
        taken.append(message)
        seconds.now += 20

    reader = PacedReader(take, ReaderPace(idle_seconds=60, slowest_bytes_per_second=100), seconds)
    sent = [{"type": "http.response.body", "body": b"%d" % number * 2000} for number in range(100)]
    for message in sent:
        await reader.send(message)
    assert taken == sent
