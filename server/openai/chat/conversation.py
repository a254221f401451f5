"""Answers of served models: asked of whichever run serves the model, waited for, counted, whole or as a stream."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from server.clusters.model_servers import ModelAnswer, ModelServers, ServerPlace
from server.http.event_stream import HEARTBEAT, HEARTBEAT_SECONDS
from server.openai.chat.answers import Upstream, Usage, read_upstream, refusal
from server.openai.chat.counting import AnswerCounts
from server.openai.chat.silences import with_silences
from server.openai.chat.stream import ChatFrames, Tally, comment_frame, read_chunks
from server.openai.chat.waiting import ModelSeeker, Standing
from tuning.errors import AnswerBroken, PortClosed

_MOST_ANSWER_BYTES = 16 * 1024 * 1024
_OK = 200


@dataclass(frozen=True)
class Question:
    """Request to the API of a served model."""

    path: str
    body: Mapping[str, Any]
    is_streamed: bool
    """Whether that API is to stream its answer."""

    @property
    def prompt_field(self) -> str:
        """Name of the field with the prompt."""
        return "messages" if "messages" in self.body else "prompt"

    def content(self) -> bytes:
        """Its bytes. LLaMA-Factory's API wants a model's name, and looks at none."""
        return json.dumps({"model": "served", **self.body, "stream": self.is_streamed}).encode()


@dataclass(frozen=True)
class Piece:
    """Piece of an answer, or the whole of one."""

    model: str
    said: Upstream
    usage: Usage
    """Up to here."""


@dataclass(frozen=True)
class Conversation:
    """Questions of one person to one model.

    Every answer may raise what the seeker raises, ForwardingRefused and Unreachable, InvalidInput where the model
    refuses the question, and AnswerBroken.
    """

    seeker: ModelSeeker
    servers: ModelServers
    counts: AnswerCounts
    wait_seconds: float
    """After which a question that is not streamed is answered with when to come back."""

    async def whole(self, question: Question) -> Piece:
        """The answer. Raises Unavailable where the model is not ready in time."""
        deadline = time.monotonic() + self.wait_seconds
        async with aclosing(self._pieces(question)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Piece):
                    return piece
                if time.monotonic() >= deadline:
                    raise piece.not_yet(self.seeker.clock())
        raise AnswerBroken("the model's server gave no answer")

    async def frames(self, question: Question, framed: Callable[[str], ChatFrames]) -> AsyncGenerator[bytes, None]:
        """The frames of an answer's stream, after comments while the model starts; `framed` makes those of a model."""
        frames, usage = None, Usage()
        async with (
            aclosing(self._pieces(question)) as pieces,
            aclosing(with_silences(pieces, HEARTBEAT_SECONDS)) as heard,
        ):
            async for piece in heard:
                if piece is None:
                    yield HEARTBEAT
                elif isinstance(piece, Standing):
                    yield comment_frame(piece.words)
                else:
                    if frames is None:
                        frames = framed(piece.model)
                        yield frames.opening()
                    usage = piece.usage
                    for frame in frames.frames(piece.said):
                        yield frame
        if frames is None:
            raise AnswerBroken("the model's server gave no answer")
        for frame in frames.closing(usage):
            yield frame

    async def _pieces(self, question: Question) -> AsyncGenerator[Standing | Piece, None]:
        """Standings for as long as nobody can be asked, then the pieces of the answer."""
        with self.servers.places.place(self.seeker.user.user_id):
            async with aclosing(self.seeker.standings()) as standings:
                async for standing in standings:
                    if standing.place is not None:
                        with suppress(PortClosed):  # its run has just ended, and its worker is about to notice
                            async with aclosing(self._asked(standing, standing.place, question)) as pieces:
                                async for piece in pieces:
                                    yield piece
                            return
                    yield standing

    async def _asked(self, standing: Standing, place: ServerPlace, question: Question) -> AsyncGenerator[Piece, None]:
        self.counts.note_use(standing.job_id)
        async with self.servers.post(place, question.path, question.content()) as answer:
            if answer.status != _OK:
                raise refusal(answer.status, await _whole_body(answer), question.prompt_field)
            tally = Tally()
            try:
                async for said in read_chunks(answer.body) if question.is_streamed else _only_chunk(answer):
                    self.counts.note_use(standing.job_id)
                    tally.add(said)
                    yield Piece(standing.model, said, tally.usage)
            finally:
                reader = self.seeker.user.user_id
                await self.counts.answered(reader, standing.model, standing.job_id, tally.usage)


async def _only_chunk(answer: ModelAnswer) -> AsyncIterator[Upstream]:
    yield read_upstream(await _whole_body(answer))


async def _whole_body(answer: ModelAnswer) -> bytes:
    content = b""
    async for piece in answer.body:
        content += piece
        if len(content) > _MOST_ANSWER_BYTES:
            raise AnswerBroken(f"the model's server answered with more than {_MOST_ANSWER_BYTES} bytes")
    return content
