"""Streams of completions: events of LLaMA-Factory's API in, OpenAI's chunks out. Pure, but for the bytes that come."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.http.event_stream import event_frame
from server.openai.chat.answers import FinishReason, Naming, Upstream, Usage, read_upstream
from tuning.errors import AnswerBroken

DONE = "[DONE]"
_LONGEST_LINE_BYTES = 1024 * 1024


async def read_chunks(body: AsyncIterator[bytes]) -> AsyncIterator[Upstream]:
    """The chunks of a served model's event stream. Raises AnswerBroken where it ends before it says so."""
    async for line in _lines(body):
        name, _, value = line.partition(":")
        if name != "data":
            continue
        if value.strip() == DONE:
            return
        yield read_upstream(value)
    raise AnswerBroken("the model's server ended in the middle of its answer", hint="ask again: it is started anew")


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for piece in body:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").removesuffix("\r")
        if len(rest) > _LONGEST_LINE_BYTES:
            raise AnswerBroken("the model's server sent a line without an end")


def comment_frame(words: str) -> bytes:
    """A comment, which programs pass over."""
    return f": {' '.join(words.split())}\n\n".encode()


@dataclass
class Tally:
    """Tokens of one answer: as the model's server says, and until then as many as pieces came."""

    usage: Usage = field(default_factory=Usage)
    _pieces: int = 0

    def add(self, said: Upstream) -> None:
        """Count an answer, or a chunk of one."""
        self._pieces += sum(bool(each.delta.content or each.text) for each in said.choices)
        self.usage = said.usage or Usage(prompt_tokens=self.usage.prompt_tokens, completion_tokens=self._pieces)


class ChatFrames:
    """Frames of a chat completion's chunks: the role first, then what is said, then why it ended."""

    kind = "chat.completion.chunk"

    def __init__(self, naming: Naming, *, with_usage: bool) -> None:
        self._naming = naming
        self._with_usage = with_usage
        self._reason: FinishReason | None = None

    def opening(self) -> bytes:
        """The first chunk."""
        return self._chunk([self._choice({"role": "assistant", "content": "", "refusal": None})])

    def frames(self, said: Upstream) -> Iterator[bytes]:
        """The chunks of a chunk; what says nothing has none."""
        for choice in said.choices:
            self._reason = choice.finish_reason or self._reason
            if choice.delta.content:
                yield self._chunk([self._choice({"content": choice.delta.content})])
            if calls := choice.delta.calls():
                numbered = [{"index": number, **call} for number, call in enumerate(calls)]
                yield self._chunk([self._choice({"tool_calls": numbered})])

    def closing(self, usage: Usage) -> Iterator[bytes]:
        """The last chunks, and the word that nothing follows."""
        yield self._chunk([self._choice({}, self._reason or "stop")])
        if self._with_usage:
            yield self._chunk([], usage)
        yield event_frame(DONE)

    def _choice(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": reason}

    def _chunk(self, choices: Sequence[Mapping[str, Any]], usage: Usage | None = None) -> bytes:
        its = self._naming
        body = {"id": its.id, "object": self.kind, "created": its.created, "model": its.model, "choices": choices}
        if self._with_usage:
            body["usage"] = usage.json_of() if usage is not None else None
        return event_frame(json.dumps(body))


class TextFrames(ChatFrames):
    """Frames of a text completion's chunks."""

    kind = "text_completion"

    def opening(self) -> bytes:
        """Nothing comes before the text."""
        return b""

    def frames(self, said: Upstream) -> Iterator[bytes]:
        """The chunks of a chunk."""
        for choice in said.choices:
            self._reason = choice.finish_reason or self._reason
            if choice.text:
                yield self._chunk([self._choice({"text": choice.text})])

    def _choice(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "text": delta.get("text", ""), "logprobs": None, "finish_reason": reason}
