"""Routes of a served model: chat completions, and completions of a raw prompt, whole or as a stream."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from llamafactory.api.chat import _process_request
from llamafactory.api.protocol import ChatCompletionRequest
from llamafactory.chat import ChatModel
from pydantic import BaseModel

from .generation import Generation, PromptRefusedError, current
from .stop_words import StreamCutter, TooManyStopWordsError, cut, read_words

_MOST_ANSWERS = 16
"""To one request."""
Answer = JSONResponse | StreamingResponse


class CompletionRequest(BaseModel):
    """Completion of a raw prompt."""

    model: str
    prompt: str
    temperature: float | None = None
    top_p: float | None = None
    n: int = 1
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    stream: bool = False


def add_routes(app: FastAPI, model: ChatModel) -> None:
    """Put our routes before those of LLaMA-Factory that have the same path."""
    own = FastAPI()

    @own.post("/v1/chat/completions", response_model=None)
    async def chat_completions(asked: ChatCompletionRequest, http: Request) -> Answer:
        messages, system, tools, *media = _process_request(asked)
        call = _Call(model, asked, "chat.completion", (messages, system, tools, *media), has_tools=bool(tools))
        return await _answer(call, Generation(call.words), http)

    @own.post("/v1/completions", response_model=None)
    async def completions(asked: CompletionRequest, http: Request) -> Answer:
        call = _Call(model, asked, "text_completion", ([{"role": "user", "content": "x"}],), has_tools=False)
        return await _answer(call, Generation(call.words, asked.prompt), http)

    app.router.routes[:0] = own.router.routes


class _Call:
    """A request as a call of the model, and its answers in OpenAI's form."""

    def __init__(self, model: ChatModel, asked: Any, kind: str, arguments: tuple[Any, ...], *, has_tools: bool) -> None:
        self._model, self._asked, self._kind, self._arguments = model, asked, kind, arguments
        self.has_tools = has_tools
        self.is_stream = bool(asked.stream)
        self.words = _words(asked)
        prefix = "chatcmpl" if kind == "chat.completion" else "cmpl"
        self._head = {"id": f"{prefix}-{uuid.uuid4().hex}", "created": int(time.time()), "model": asked.model}
        if not 1 <= asked.n <= _MOST_ANSWERS or (self.is_stream and asked.n > 1):
            raise HTTPException(400, f"n: 1 to {_MOST_ANSWERS}, and 1 for a stream")

    async def whole(self) -> list[str]:
        """The texts of all answers, up to a stop word."""
        found = await self._model.achat(*self._arguments, num_return_sequences=self._asked.n, **self._how())
        return [cut(each.response_text, self.words)[0] for each in found]

    def pieces(self) -> AsyncIterator[str]:
        """The text of the answer as it is generated."""
        stream: AsyncIterator[str] = self._model.astream_chat(*self._arguments, **self._how())
        return stream

    def body(self, texts: list[str], generation: Generation) -> dict[str, Any]:
        """The whole answer."""
        choices = [self._choice(index, text, generation.finish_reason(index)) for index, text in enumerate(texts)]
        return {**self._head, "object": self._kind, "choices": choices, "usage": generation.usage}

    def chunk(self, content: dict[str, Any] | str, finish: str | None = None) -> str:
        """A part of a stream: a delta of a chat, or a piece of text."""
        value = {"text": content} if isinstance(content, str) else {"delta": content}
        kind = "chat.completion.chunk" if self._is_chat else self._kind
        return self._event({"object": kind, "choices": [{"index": 0, **value, "finish_reason": finish}]})

    def usage_chunk(self, generation: Generation) -> str:
        """The last part of a stream but for its end."""
        kind = "chat.completion.chunk" if self._is_chat else self._kind
        return self._event({"object": kind, "choices": [], "usage": generation.usage})

    def delta(self, piece: str) -> dict[str, Any] | str:
        """A piece of text as a part of a stream has it."""
        return {"content": piece} if self._is_chat else piece

    def message(self, text: str) -> tuple[dict[str, Any], bool]:
        """The message of an answer, and whether it calls tools."""
        found = self._model.engine.template.extract_tool(text) if self.has_tools else text
        if isinstance(found, str):
            return {"role": "assistant", "content": found}, False
        calls = [
            {
                "index": index,
                "id": f"call_{uuid.uuid4().hex}",
                "type": "function",
                "function": {"name": tool.name, "arguments": tool.arguments},
            }
            for index, tool in enumerate(found)
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}, True

    @property
    def _is_chat(self) -> bool:
        return self._kind == "chat.completion"

    def _choice(self, index: int, text: str, finish: str) -> dict[str, Any]:
        if not self._is_chat:
            return {"index": index, "text": text, "finish_reason": finish, "logprobs": None}
        message, calls_tools = self.message(text)
        return {"index": index, "message": message, "finish_reason": "tool_calls" if calls_tools else finish}

    def _how(self) -> dict[str, Any]:
        asked = self._asked
        return {"temperature": asked.temperature, "top_p": asked.top_p, "max_new_tokens": asked.max_tokens}

    def _event(self, content: dict[str, Any]) -> str:
        return f"data: {json.dumps({**self._head, **content}, ensure_ascii=False)}\n\n"


def _words(asked: Any) -> tuple[str, ...]:
    """Raises HTTPException."""
    try:
        return read_words(asked.stop)
    except TooManyStopWordsError as error:
        raise HTTPException(400, str(error)) from error


async def _answer(call: _Call, generation: Generation, http: Request) -> Answer:
    current.set(generation)
    if call.is_stream and not call.has_tools:
        parts = _parts(call, generation)
        # what is wrong with the prompt shows before the first piece: then no stream has begun
        first = await _checked(anext(parts))
        return StreamingResponse(_from_first(first, parts, generation), media_type="text/event-stream")
    texts = await _checked(_while_read(call.whole, generation, http))
    if call.is_stream:
        return StreamingResponse(_at_once(call, texts[0], generation), media_type="text/event-stream")
    return JSONResponse(call.body(texts, generation))


async def _checked(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except PromptRefusedError as error:
        raise HTTPException(400, {"message": str(error), "code": error.code}) from error


async def _while_read(whole: Callable[[], Awaitable[Any]], generation: Generation, http: Request) -> Any:
    """The answer; without a reader its generation ends."""
    watch = asyncio.create_task(_note_leaving(generation, http))
    try:
        return await whole()
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _note_leaving(generation: Generation, http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        continue
    generation.has_reader = False


async def _parts(call: _Call, generation: Generation) -> AsyncIterator[str]:
    cutter = StreamCutter(call.words)
    first: dict[str, Any] = {"role": "assistant"}
    async for piece in call.pieces():
        if text := cutter.take(piece):
            delta = call.delta(text)
            yield call.chunk({**first, **delta} if isinstance(delta, dict) else delta)
            first = {}
    if rest := cutter.rest():
        yield call.chunk(call.delta(rest))
    if generation.error is not None:
        yield f"data: {json.dumps({'error': {'message': str(generation.error)[:500]}})}\n\n"
        return
    finish = "stop" if cutter.is_cut else generation.finish_reason(0)
    empty: dict[str, Any] | str = "" if isinstance(call.delta(""), str) else {}
    yield call.chunk(empty, finish)
    yield call.usage_chunk(generation)
    yield "data: [DONE]\n\n"


async def _from_first(first: str, parts: AsyncIterator[str], generation: Generation) -> AsyncIterator[str]:
    try:
        yield first
        async for part in parts:
            yield part
    finally:
        generation.has_reader = False


async def _at_once(call: _Call, text: str, generation: Generation) -> AsyncIterator[str]:
    """An answer that may call tools is known only when it is whole."""
    message, calls_tools = call.message(text)
    yield call.chunk(message)
    yield call.chunk({}, "tool_calls" if calls_tools else generation.finish_reason(0))
    yield call.usage_chunk(generation)
    yield "data: [DONE]\n\n"
