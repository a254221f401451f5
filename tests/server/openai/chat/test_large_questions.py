"""Questions that are large: long contexts, and images as data URLs; by OpenAI's own client."""

import base64
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from openai import APIStatusError, OpenAI

from server.main import LARGE_QUESTIONS, MAX_BODY_BYTES
from tests.server.openai.chat.conftest import MODEL
from tests.server.openai.chat.model_server import ModelServerState
from tuning.settings import Settings

pytestmark = pytest.mark.usefixtures("served")
MEGABYTE = 1024 * 1024
MOST_BYTES = 3 * MEGABYTE


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"question_bytes": MOST_BYTES})


def image(size_bytes: int) -> list[Any]:
    url = "data:image/png;base64," + base64.b64encode(b"i" * size_bytes).decode()
    return [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]


def ask(openai: OpenAI, content: Any) -> Any:
    return openai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])


def test_an_image_of_two_megabytes_arrives(openai: OpenAI, model_server: ModelServerState) -> None:
    content = image(2 * MEGABYTE)
    assert ask(openai, content).choices[0].message.content == "Once upon a time"
    assert model_server.body["messages"][0]["content"] == content


def test_a_long_prose_is_no_matter_of_values(openai: OpenAI, model_server: ModelServerState) -> None:
    prose = 'He said: "no, [never]", and {left}. ' * 60_000
    assert ask(openai, prose).choices[0].finish_reason == "length"
    assert model_server.body["messages"][0]["content"] == prose
    answer = openai.completions.create(model=MODEL, prompt=prose)
    assert answer.choices[0].text == "Once upon a time"


def test_what_is_larger_is_refused_in_openais_envelope(openai: OpenAI, model_server: ModelServerState) -> None:
    with pytest.raises(APIStatusError, match=f"larger than {MOST_BYTES} bytes") as refused:
        ask(openai, image(MOST_BYTES))
    assert (refused.value.status_code, refused.value.type) == (413, "invalid_request_error")
    assert model_server.asked == []


def test_many_values_are_refused_before_they_are_parsed(openai: OpenAI) -> None:
    with pytest.raises(APIStatusError, match="more than 8000 values") as refused:
        ask(openai, [{"type": "text", "text": "a"}] * 3000)
    assert refused.value.status_code == 413


def test_a_refusal_for_want_of_room_says_when_to_come_back(
    openai: OpenAI, app: FastAPI, base_url: str, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": image(MEGABYTE)}]}
    room = app.state.question_room
    held_bytes = LARGE_QUESTIONS * MOST_BYTES + MAX_BODY_BYTES
    room.take(0, held_bytes)
    answer = httpx.post(f"{base_url}/chat/completions", json=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["error"]["message"].startswith("too many large questions")
    assert ask(openai, "Tell").choices[0].finish_reason == "length"
    room.give_back(held_bytes)
    assert ask(openai, image(MEGABYTE)).choices[0].finish_reason == "length"
