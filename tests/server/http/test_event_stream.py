"""Server-sent events on the wire."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack

import pytest
from starlette.types import Message

from server.http.event_stream import EventStream, event_frame, position_frame

pytestmark = pytest.mark.anyio


def test_a_frame() -> None:
    assert event_frame("{}", event="job.running", event_id="7") == b"id: 7\nevent: job.running\ndata: {}\n\n"
    assert event_frame("{}") == b"data: {}\n\n"


def test_a_place_without_an_event() -> None:
    assert position_frame("7") == b"id: 7\n\n"


class Reader:
    """The other side of an answer."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.gone = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


async def counted(count: int, ended: list[str]) -> AsyncGenerator[bytes, None]:
    try:
        for number in range(count):
            yield f"{number} ".encode()
        if count > 3:
            await asyncio.Event().wait()
    finally:
        ended.append("ended")


def holding(ended: list[str]) -> ExitStack:
    """Something that is held for a stream."""
    with ExitStack() as stack:
        stack.callback(ended.append, "given back")
        return stack.pop_all()


async def test_frames_are_sent_until_they_end() -> None:
    reader, ended = Reader(), list[str]()
    await asyncio.wait_for(
        EventStream(counted(3, ended), holds=ExitStack())({"type": "http"}, reader.receive, reader.send), 5
    )
    assert reader.body == b"0 1 2 "
    assert reader.messages[-1].get("more_body") is False
    headers = dict(reader.messages[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    assert ended


async def test_a_reader_who_is_gone_ends_the_frames() -> None:
    reader, ended = Reader(), list[str]()
    sending = asyncio.create_task(
        EventStream(counted(5, ended), holds=holding(ended))({"type": "http"}, reader.receive, reader.send)
    )
    while reader.body != b"0 1 2 3 4 ":
        await asyncio.sleep(0)
    reader.gone.set()
    await asyncio.wait_for(sending, 5)
    assert ended


async def test_a_reader_who_takes_nothing_is_let_go() -> None:
    reader, ended = Reader(), list[str]()

    async def send_and_get_stuck(message: Message) -> None:
        await reader.send(message)
        reader.takes.clear()

    stream = EventStream(counted(5, ended), holds=ExitStack(), slowest_read_seconds=0.01)
    await asyncio.wait_for(stream({"type": "http"}, reader.receive, send_and_get_stuck), 5)
    assert ended
    assert reader.body == b""
