"""Generation of an answer: what it has used, why it ended, and its end for a reader that has left.

LLaMA-Factory's engine prepares each call of transformers in one place (HuggingfaceEngine._process_args), in the context
of the request: there a call gets the raw prompt, the bounds of the model's context, and a criterion to stop by.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from llamafactory.chat.hf_engine import HuggingfaceEngine
from transformers import StoppingCriteria, StoppingCriteriaList

_TOKENS_OF_A_CHARACTER = 4
"""At most: a token holds a byte at least."""


class PromptRefusedError(ValueError):
    """A prompt that gets no answer, and the code that programs know the reason by."""

    code: str | None = None


class PromptTooLongError(PromptRefusedError):
    """A prompt that leaves no room for an answer in the model's context."""

    code = "context_length_exceeded"


@dataclass
class Row:
    """One of the answers to a request."""

    tokens: int = 0
    is_stopped: bool = False
    """By its own end or a stop word; else by the length that was asked for."""


@dataclass
class Generation:
    """Generation of one request: its answers, their tokens and ends."""

    stop_words: tuple[str, ...] = ()
    prompt: str | None = None
    """The raw text in place of messages."""
    prompt_tokens: int = 0
    rows: list[Row] = field(default_factory=list)
    has_reader: bool = True
    error: Exception | None = None
    ends: frozenset[int] = frozenset()
    """Tokens that end an answer."""

    @property
    def completion_tokens(self) -> int:
        """Tokens of all its answers."""
        return sum(row.tokens for row in self.rows)

    @property
    def usage(self) -> dict[str, int]:
        """Token counts in OpenAI's form."""
        used = (self.prompt_tokens, self.completion_tokens)
        return {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}

    def finish_reason(self, row: int) -> str:
        """Reason of an answer's end, in OpenAI's words."""
        return "stop" if row < len(self.rows) and self.rows[row].is_stopped else "length"


current: ContextVar[Generation] = ContextVar("generation")


def follow_generations(model: Any) -> None:
    """Let every call of this engine's model be followed by the generation of its request."""
    prepare = HuggingfaceEngine._process_args

    def prepare_followed(model: Any, tokenizer: Any, *arguments: Any) -> tuple[dict[str, Any], int]:
        asked, length = prepare(model, tokenizer, *arguments)
        return _followed(current.get(), model, tokenizer, asked, length)

    HuggingfaceEngine._process_args = staticmethod(prepare_followed)
    model.generate = _told_of_errors(model.generate)


class _Followed(StoppingCriteria):  # type: ignore[misc]  # transformers has no types here
    """Counts the tokens of each answer, and ends those that are done or that nobody reads any more."""

    def __init__(self, generation: Generation, tokenizer: Any) -> None:
        self.generation = generation
        self._tokenizer = tokenizer
        longest = max((len(word) for word in generation.stop_words), default=0)
        self._window = _TOKENS_OF_A_CHARACTER * longest + 1

    def __call__(self, input_ids: Any, _scores: Any, **_: Any) -> Any:
        """Whether each answer is done."""
        generation = self.generation
        generation.rows = generation.rows or [Row() for _ in range(len(input_ids))]
        for row, ids in zip(generation.rows, input_ids, strict=True):
            if not row.is_stopped:
                row.tokens += 1
                row.is_stopped = int(ids[-1]) in generation.ends or self._has_stop_word(ids)
        done = [row.is_stopped or not generation.has_reader for row in generation.rows]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _has_stop_word(self, ids: Any) -> bool:
        words = self.generation.stop_words
        if not words:
            return False
        since = max(self.generation.prompt_tokens, len(ids) - self._window)
        text = self._tokenizer.decode(ids[since:], skip_special_tokens=True)
        return any(word in text for word in words)


def _followed(
    generation: Generation, model: Any, tokenizer: Any, asked: dict[str, Any], length: int
) -> tuple[dict[str, Any], int]:
    if generation.prompt is not None:
        inputs = tokenizer(generation.prompt, return_tensors="pt").input_ids.to(model.device)
        asked = {**asked, "inputs": inputs, "attention_mask": torch.ones_like(inputs)}
        length = inputs.shape[1]
    how = asked["generation_config"]
    _fit_into_context(how, length, _context_tokens(model.config))
    ends = how.eos_token_id
    generation.ends = frozenset(ends if isinstance(ends, list) else [ends])
    generation.prompt_tokens = length
    return {**asked, "stopping_criteria": StoppingCriteriaList([_Followed(generation, tokenizer)])}, length


def _fit_into_context(how: Any, prompt_tokens: int, context_tokens: int | None) -> None:
    """An answer ends where the context does. Raises PromptRefusedError.

    Some clients know a prompt that is too long by OpenAI's first words alone.
    """
    if prompt_tokens == 0:
        raise PromptRefusedError("the prompt is empty: give it at least one token")
    if context_tokens is None:
        return
    left = context_tokens - prompt_tokens
    if left < 1:
        raise PromptTooLongError(
            f"this model's maximum context length is {context_tokens} tokens, and the prompt has {prompt_tokens}: "
            "shorten it"
        )
    how.max_new_tokens = min(how.max_new_tokens or left, left)


def _context_tokens(config: Any) -> int | None:
    text = getattr(config, "text_config", None) or config
    found = getattr(text, "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def _told_of_errors(generate: Callable[..., Any]) -> Callable[..., Any]:
    """An error in the thread of a stream would leave its reader waiting for ever."""

    def generate_told(*arguments: Any, **asked: Any) -> Any:
        try:
            return generate(*arguments, **asked)
        except Exception as error:
            asked["stopping_criteria"][0].generation.error = error
            if "streamer" not in asked:
                raise
            asked["streamer"].end()
            return None

    return generate_told
