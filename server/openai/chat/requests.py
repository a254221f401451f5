"""Requests of OpenAI's chat and text completions, and what is sent of them to LLaMA-Factory's API. Pure.

Fields that nobody knows are left out, as OpenAI's own API does with those of other vendors. Fields that are known, and
that LLaMA-Factory cannot follow, are refused where they would change the answer.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from server.openai.chat.messages import Message, turns
from tuning.errors import Finding, InvalidInput

MOST_STOPS = 4
MOST_CHOICES = 8
_NOT_FOLLOWED = ("logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "logit_bias")
_OF_CHAT = (*_NOT_FOLLOWED, "functions", "audio", "web_search_options")
_OF_COMPLETIONS = (*_NOT_FOLLOWED, "suffix", "echo")
_Stop = Annotated[str, Field(min_length=1, max_length=500)]
_Temperature = Annotated[float, Field(ge=0, le=2)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Tokens = Annotated[int, Field(ge=1, le=10_000_000)]


class StreamOptions(BaseModel):
    """Options of a stream."""

    include_usage: bool | None = None


class Sampling(BaseModel):
    """Fields that both kinds of completions have."""

    model: str = Field(min_length=1, max_length=300)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: _Temperature | None = None
    top_p: _Share | None = None
    max_tokens: _Tokens | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    stop: _Stop | Annotated[list[_Stop], Field(max_length=MOST_STOPS)] | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether the stream ends with its usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


class Function(BaseModel):
    """A function that a model may call."""

    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """A tool: functions are the only kind."""

    type: Literal["function"]
    function: Function


class ResponseFormat(BaseModel):
    """Form of the answer."""

    type: str


class ChatRequest(Sampling):
    """Body of POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=4096)
    max_completion_tokens: _Tokens | None = None
    tools: list[Tool] | None = Field(default=None, max_length=128)
    tool_choice: str | dict[str, Any] | None = None
    response_format: ResponseFormat | None = None
    functions: list[Any] | None = None
    audio: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None

    def upstream(self) -> dict[str, Any]:
        """Body for LLaMA-Factory's API. Raises InvalidInput."""
        findings = [*_unfollowed(self, _OF_CHAT), *self._findings()]
        if findings:
            raise InvalidInput(findings)
        tools = [tool.model_dump(exclude_none=True) for tool in self.tools or () if self.tool_choice != "none"]
        tokens = self.max_completion_tokens or self.max_tokens
        return {"messages": turns(self.messages), **({"tools": tools} if tools else {}), **_sampling(self, tokens)}

    def _findings(self) -> Iterator[Finding]:
        if self.tool_choice not in (None, "none", "auto"):
            yield Finding(("tool_choice",), "a call cannot be forced here", 'send "auto" or "none"')
        if self.response_format is not None and self.response_format.type != "text":
            yield Finding(("response_format",), "answers have the form text alone", "ask for JSON in the prompt")
        if self.stream and (self.n or 1) > 1:
            yield Finding(("n",), "a stream has one choice", "leave out n, or stream")


class CompletionRequest(Sampling):
    """Body of POST /v1/completions."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    max_tokens: _Tokens | None = 16
    best_of: int | None = Field(default=None, ge=1, le=20)
    suffix: str | None = None
    echo: bool | None = None

    def upstream(self) -> dict[str, Any]:
        """Body for the API of a served model. Raises InvalidInput."""
        findings = list(_unfollowed(self, _OF_COMPLETIONS))
        if self.stream and (self.n or 1) > 1:
            findings.append(Finding(("n",), "a stream has one choice", "leave out n, or stream"))
        if findings:
            raise InvalidInput(findings)
        prompt = self.prompt if isinstance(self.prompt, str) else self.prompt[0]
        return {"prompt": prompt, **_sampling(self, self.max_tokens)}


def _unfollowed(request: Sampling, names: tuple[str, ...]) -> Iterator[Finding]:
    for name in names:
        if getattr(request, name):
            yield Finding((name,), "the model's server cannot follow this", f"leave out {name}")


def _sampling(request: Sampling, max_tokens: int | None) -> dict[str, Any]:
    """Fields of LLaMA-Factory's API. It samples by a top_p above 0, and not at all where the temperature is 0."""
    is_greedy = request.temperature == 0 or request.top_p == 0
    chance = {"temperature": 0.0} if is_greedy else {"temperature": request.temperature, "top_p": request.top_p}
    fields = {**chance, "max_tokens": max_tokens, "n": request.n, "stop": request.stop or None}
    return {name: value for name, value in fields.items() if value is not None}
