"""The asynchronous pool judges and repeats as the other."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from packtrain.connection import Connection
from packtrain.errors import ApiError, ServerUnreachable
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.call import Call

pytestmark = pytest.mark.anyio
HERE = Connection("http://lab", "pt_secret", "the environment")
BROKEN = httpx.ConnectError("Connection refused")


class Line:
    """A server in memory: answers (or breaks) in order; keeps what was asked and how long was waited."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.http = AsyncHttp(HERE, transport=httpx.MockTransport(self._answer), sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("trouble", [BROKEN, httpx.ReadTimeout("slow"), httpx.Response(500), httpx.Response(503)])
async def test_a_get_is_asked_again_when_nobody_answers(trouble: httpx.Response | Exception) -> None:
    line = Line(trouble, trouble, httpx.Response(200, json={"fine": True}))
    assert await line.http.send(Call("GET", "jobs")) == {"fine": True}
    assert line.pauses == [0.5, 1.0]


async def test_a_get_gives_up_with_address_source_and_cause() -> None:
    line = Line(*[BROKEN] * 4)
    with pytest.raises(ServerUnreachable, match=r"the environment.* does not answer: Connection refused"):
        await line.http.send(Call("GET", "jobs"))
    assert len(line.requests) == 4


@pytest.mark.parametrize("call", [Call("POST", "jobs/x/cancel"), Call("DELETE", "datasets/x")])
async def test_other_requests_are_sent_once(call: Call[Any]) -> None:
    line = Line(BROKEN, httpx.Response(204))
    with pytest.raises(ServerUnreachable):
        await line.http.send(call)
    assert len(line.requests) == 1


async def test_a_refusal_is_an_api_error() -> None:
    line = Line(httpx.Response(404, json={"title": "Not Found", "detail": "there is no such job"}))
    with pytest.raises(ApiError, match="there is no such job"):
        await line.http.send(Call("GET", "jobs/x"))


async def test_a_stream_is_opened_again_but_a_break_in_it_is_told() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        raise httpx.ReadError("reset")

    line = Line(BROKEN, httpx.Response(200, content=body()))
    with pytest.raises(ServerUnreachable, match="reset"):
        async with line.http.stream(Call("GET", "jobs/x/logs")) as answer:
            await answer.aread()
    assert len(line.requests) == 2
