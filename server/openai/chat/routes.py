"""Routes of completions: POST /v1/chat/completions and /v1/completions."""

import json
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from server.dependencies import FeedUser
from server.http.errors.error_handlers import answer_to
from server.http.event_stream import EventStream, event_frame
from server.http.presence import while_present
from server.job_surroundings import SiteDep
from server.openai.chat.answers import Naming, Upstream, chat_answer, text_answer
from server.openai.chat.conversation import Conversation, Question
from server.openai.chat.requests import ChatRequest, CompletionRequest, Sampling
from server.openai.chat.stream import ChatFrames, TextFrames
from server.openai.chat.waiting import ModelSeeker
from tuning.errors import PacktrainError

router = APIRouter()
_GONE = 499
"""Nobody reads it: the client has left."""


async def conversations(request: Request, user: FeedUser, site: SiteDep) -> Callable[[str], Conversation]:
    """Conversations of the request's person, by the name of the model."""
    state = request.app.state

    def with_model(name: str) -> Conversation:
        seeker = ModelSeeker(name, user, site, state.feed, state.sessions, state.cipher, state.clock)
        return Conversation(seeker, state.model_servers, state.answer_counts, state.settings.serve_wait_seconds)

    return with_model


ConversationsDep = Annotated[Callable[[str], Conversation], Depends(conversations)]


@router.post("/chat/completions", response_model=None)
async def create_chat_completion(request: Request, body: ChatRequest, conversations: ConversationsDep) -> Response:
    """An answer to a chat, whole or streamed; a model that nobody serves is started, and waited for."""
    question = Question("/v1/chat/completions", body.upstream(), bool(body.stream))
    talk = _Talk(request, conversations(body.model), question, "chatcmpl-")
    return await (talk.streamed(body, ChatFrames) if body.stream else talk.whole(chat_answer))


@router.post("/completions", response_model=None)
async def create_completion(request: Request, body: CompletionRequest, conversations: ConversationsDep) -> Response:
    """A text that goes on from a prompt, likewise."""
    question = Question("/v1/completions", body.upstream(), bool(body.stream))
    talk = _Talk(request, conversations(body.model), question, "cmpl-")
    return await (talk.streamed(body, TextFrames) if body.stream else talk.whole(text_answer))


class _Talk:
    """One question and its answer, as the HTTP request wants it."""

    def __init__(self, request: Request, conversation: Conversation, question: Question, id_prefix: str) -> None:
        self._request = request
        self._conversation = conversation
        self._question = question
        self._id = id_prefix + secrets.token_hex(12)

    async def whole(self, answered: Callable[[Naming, Upstream], Mapping[str, Any]]) -> Response:
        """The answer in one piece."""
        piece = await while_present(self._request.receive, self._conversation.whole(self._question))
        if piece is None:
            return Response(status_code=_GONE)
        body = answered(self._naming(piece.model), piece.said)
        return Response(json.dumps(body), media_type="application/json")

    async def streamed(self, body: Sampling, kind: type[ChatFrames]) -> Response:
        """The answer as it comes. What is wrong before its first frame has a status of its own."""
        frames = self._conversation.frames(
            self._question, lambda model: kind(self._naming(model), with_usage=body.wants_usage)
        )
        first = await while_present(self._request.receive, _first(frames))
        if first is None:
            return Response(status_code=_GONE)
        return EventStream(_told(first, frames), holds=ExitStack())

    def _naming(self, model: str) -> Naming:
        clock = self._conversation.seeker.clock
        return Naming(self._id, int(clock().timestamp()), model)


async def _first(frames: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(frames)


async def _told(first: bytes, frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The frames; an error on the way is the last of them."""
    try:
        yield first
        async for frame in frames:
            yield frame
    except PacktrainError as error:
        yield event_frame(bytes(answer_to(error).for_openai().body).decode())
    finally:
        await frames.aclose()
