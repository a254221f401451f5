"""Refusals of served models as errors."""

import json
from typing import Any

import pytest

from server.openai.chat.answers import refusal
from tuning.errors import AnswerBroken, InvalidInput, PacktrainError, PromptTooLong, Unavailable

LONG = {"message": "the prompt has 9000 tokens: shorten it", "code": "context_length_exceeded"}


def refused(status: int, told: Any) -> PacktrainError:
    return refusal(status, json.dumps(told).encode(), "prompt")


@pytest.mark.parametrize("told", [{"detail": LONG}, {"error": LONG}])
def test_a_prompt_that_is_too_long_is_known_by_its_code(told: Any) -> None:
    error = refused(400, told)
    assert isinstance(error, PromptTooLong)
    assert [(finding.loc, finding.message) for finding in error.findings] == [(("prompt",), LONG["message"])]


@pytest.mark.parametrize(
    ("status", "told", "kind", "words"),
    [
        (400, {"detail": {"message": "the prompt is empty", "code": None}}, InvalidInput, "the prompt is empty"),
        (400, {"detail": "n: 1 to 16"}, InvalidInput, "n: 1 to 16"),
        (422, {"detail": [{"msg": "x"}]}, InvalidInput, '{"detail": [{"msg": "x"}]}'),
        (503, {"detail": "busy"}, Unavailable, "the model takes no more now: busy"),
        (500, {"detail": LONG["message"]}, AnswerBroken, "the model's server failed: the prompt has"),
    ],
)
def test_another_refusal_is_told_in_the_models_words(status: int, told: Any, kind: type, words: str) -> None:
    error = refused(status, told)
    assert type(error) is kind
    assert words in str(error)
