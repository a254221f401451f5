"""`packtrain chat`, against a stub that speaks OpenAI's API."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from typer.testing import CliRunner, Result

from packtrain import AsyncPacktrain, Packtrain
from packtrain.cli.commands import chat as chat_command
from packtrain.cli.main import app as command_line
from packtrain.errors import ApiError
from tests.packtrain.stub_server import TOKEN, serving_app

Talk = Callable[..., Result]
ANSWER = [
    ": tiny is not ready yet: job_1 is queued at place 2, and expected to start at 2026-11-21 12:05 UTC\n\n" * 2,
    'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}\n\n',
    'data: {"choices": [{"index": 0, "delta": {"content": "Once"}}]}\n\n',
    'data: {"choices": [{"index": 0, "delta": {"content": " upon\\u001b[31m"}}]}\n\n',
    "data: [DONE]\n\n",
]


class Stub:
    """What was asked, and how it is answered."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.frames = ANSWER
        self.app = FastAPI()
        self.app.post("/v1/chat/completions", response_model=None)(self.answer)

    async def answer(self, request: Request) -> Response:
        self.bodies.append(json.loads(await request.body()))
        if self.bodies[-1]["model"] == "gone":
            error = {"message": "there is no model 'gone'", "type": "x", "param": None, "code": "not_found"}
            return JSONResponse({"error": error}, 404)
        return StreamingResponse(iter(self.frames), media_type="text/event-stream")


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def url(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving_app(stub.app, lifespan="off") as url:
        monkeypatch.setenv("PACKTRAIN_URL", url)
        monkeypatch.setenv("PACKTRAIN_TOKEN", TOKEN)
        yield url


@pytest.fixture
def talk(url: str) -> Talk:
    """Run `packtrain chat` with these words, and a text on stdin."""
    return lambda *words, stdin="": CliRunner().invoke(command_line, ["chat", *words], input=stdin)


def test_one_question_is_answered_on_stdout_and_the_wait_told_once(talk: Talk, stub: Stub) -> None:
    ended = talk("tiny", "Tell", "--system", "Be short.", "--temperature", "0", "--max-tokens", "9")
    assert (ended.exit_code, ended.stderr.count("job_1 is queued at place 2")) == (0, 1)
    assert ended.stdout.startswith("Once upon")
    assert "\x1b" not in ended.stdout
    assert stub.bodies == [
        {
            "model": "tiny",
            "stream": True,
            "temperature": 0.0,
            "max_tokens": 9,
            "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Tell"}],
        }
    ]


def test_a_pipe_is_a_question(talk: Talk, stub: Stub) -> None:
    assert talk("tiny", stdin="from a pipe\n").exit_code == 0
    assert stub.bodies[0]["messages"] == [{"role": "user", "content": "from a pipe\n"}]


def test_an_empty_pipe_is_none(talk: Talk, stub: Stub) -> None:
    ended = talk("tiny", stdin=" \n")
    assert (ended.exit_code, stub.bodies) == (1, [])
    assert "nothing is asked" in ended.stderr


def test_at_a_prompt_what_was_said_is_remembered(talk: Talk, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_command, "_is_at_a_terminal", lambda: True)
    ended = talk("tiny", stdin="one\n\ntwo\n")
    assert ended.exit_code == 0
    roles = [[message["role"] for message in body["messages"]] for body in stub.bodies]
    assert roles == [["user"], ["user", "assistant", "user"]]


def test_a_refusal_is_told_in_a_line(talk: Talk) -> None:
    ended = talk("gone", "x")
    assert (ended.exit_code, ended.stderr.strip()) == (1, "error: there is no model 'gone' (HTTP 404)")


def test_an_answer_that_breaks_off_fails(talk: Talk, stub: Stub) -> None:
    stub.frames = ANSWER[:3]
    ended = talk("tiny", "x")
    assert ended.exit_code == 1
    assert "broke off" in ended.stderr


@pytest.mark.anyio
async def test_the_asynchronous_client_chats(url: str, stub: Stub) -> None:
    waits: list[str] = []
    async with AsyncPacktrain(url, TOKEN) as client:
        said = [piece async for piece in client.chat("tiny", [{"role": "user", "content": "x"}], on_wait=waits.append)]
    assert said == ["Once", " upon\x1b[31m"]
    assert len(waits) == 2


def test_the_synchronous_client_raises_what_the_stream_says(url: str, stub: Stub) -> None:
    stub.frames = ['data: {"error": {"message": "it died"}}\n\n']
    with Packtrain(url, TOKEN) as client, pytest.raises(ApiError, match="it died"):
        list(client.chat("tiny", [{"role": "user", "content": "x"}]))
