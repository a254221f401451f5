"""Answers of OpenAI's completions, made from what LLaMA-Factory's API says, which has not all of their fields. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from tuning.errors import AnswerBroken, Finding, InvalidInput, PacktrainError, PromptTooLong, Unavailable

_LONGEST_COMPLAINT = 500
_LOG = "its log is that of its job"
_SECONDS_TO_COME_BACK = 5
_TOO_LONG = "context_length_exceeded"
"""Code of the program in the training image."""
FinishReason = Literal["stop", "length", "tool_calls"]


class Usage(BaseModel):
    """Tokens of an answer."""

    prompt_tokens: int = Field(default=0, ge=0, le=10**9)
    completion_tokens: int = Field(default=0, ge=0, le=10**9)

    def json_of(self) -> dict[str, int]:
        """Token counts in OpenAI's form."""
        return {**self.model_dump(), "total_tokens": self.prompt_tokens + self.completion_tokens}


class _CalledFunction(BaseModel):
    name: str
    arguments: str


class _ToolCall(BaseModel):
    id: str
    function: _CalledFunction

    def json_of(self) -> dict[str, Any]:
        return {"id": self.id, "type": "function", "function": self.function.model_dump()}


class Said(BaseModel):
    """Message of a choice, or the piece of it that a chunk brings."""

    content: str | None = None
    tool_calls: list[_ToolCall] | None = None

    def calls(self) -> list[dict[str, Any]]:
        """Its calls as OpenAI shows them."""
        return [call.json_of() for call in self.tool_calls or ()]


class _Choice(BaseModel):
    index: int = Field(default=0, ge=0, le=1000)
    message: Said = Said()
    delta: Said = Said()
    text: str = ""
    finish_reason: FinishReason | None = None


class _Error(BaseModel):
    message: str = ""


class Upstream(BaseModel):
    """Answer of a served model, or a chunk of one."""

    choices: list[_Choice] = Field(default_factory=list, max_length=64)
    usage: Usage | None = None
    error: _Error | None = None


@dataclass(frozen=True)
class Naming:
    """Fields that every part of an answer has."""

    id: str
    created: int
    model: str


def read_upstream(content: bytes | str) -> Upstream:
    """An answer of a served model. Raises AnswerBroken for what is none."""
    try:
        said = Upstream.model_validate_json(content)
    except ValidationError as error:
        raise AnswerBroken("the model's server said what is no answer", hint=_LOG) from error
    if said.error is not None:
        raise AnswerBroken(f"the model's server failed: {said.error.message[:_LONGEST_COMPLAINT]}", hint=_LOG)
    return said


def chat_answer(naming: Naming, said: Upstream) -> dict[str, Any]:
    """Body of a chat completion."""
    choices = [
        {"index": each.index, "message": _message(each.message), "logprobs": None, "finish_reason": _reason(each)}
        for each in said.choices
    ]
    return _answer("chat.completion", naming, choices, said.usage)


def text_answer(naming: Naming, said: Upstream) -> dict[str, Any]:
    """Body of a text completion."""
    choices = [
        {"index": each.index, "text": each.text, "logprobs": None, "finish_reason": _reason(each)}
        for each in said.choices
    ]
    return _answer("text_completion", naming, choices, said.usage)


def refusal(status: int, content: bytes, prompt_field: str) -> PacktrainError:
    """The error that a served model answered with; `prompt_field` is the request's field with the prompt."""
    words, code = _complaint(content)
    if code == _TOO_LONG:
        return PromptTooLong([Finding((prompt_field,), words)])
    if status in (400, 413, 422):
        return InvalidInput([Finding(("messages",) if "messages" in words else (), words)])
    if status in (429, 503):
        return Unavailable(f"the model takes no more now: {words}", retry_after_seconds=_SECONDS_TO_COME_BACK)
    return AnswerBroken(f"the model's server failed: {words}", hint=_LOG)


def _answer(kind: str, naming: Naming, choices: Sequence[Mapping[str, Any]], usage: Usage | None) -> dict[str, Any]:
    if not choices:
        raise AnswerBroken("the model's server gave no answer", hint=_LOG)
    head = {"id": naming.id, "object": kind, "created": naming.created, "model": naming.model}
    return {**head, "choices": list(choices), "usage": (usage or Usage()).json_of()}


def _message(said: Said) -> dict[str, Any]:
    calls = said.calls()
    message = {"role": "assistant", "content": said.content, "refusal": None}
    return {**message, "tool_calls": calls} if calls else {**message, "content": said.content or ""}


def _reason(choice: _Choice) -> FinishReason:
    return choice.finish_reason or "stop"


def _complaint(content: bytes) -> tuple[str, object]:
    """The words of FastAPI's `detail`, or of an envelope, no more than a few lines of it; and its code."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    told = found.get("detail") or found.get("error") if isinstance(found, dict) else None
    words, code = (told.get("message"), told.get("code")) if isinstance(told, dict) else (told, None)
    words = words if isinstance(words, str) else content.decode("utf-8", "replace")
    return words.strip()[:_LONGEST_COMPLAINT] or "it does not say why", code
