"""Chat completions by OpenAI's own client, which holds every answer to its types."""

from typing import Any

import httpx
import pytest
from openai import APIError, APIStatusError, BadRequestError, InternalServerError, NotFoundError, OpenAI, RateLimitError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import Clock
from tests.server.openai.chat.conftest import MODEL, TOKEN, wait_until
from tests.server.openai.chat.model_server import CALL, WORDS, ModelServerState
from tests.server.openai.conftest import ClientOf
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.serving.keys import start_key
from tuning.jobs.serving.servers import ModelServer
from tuning.secrets.cipher import Cipher
from tuning.settings import Settings
from tuning.usage.models import TokenDay

pytestmark = pytest.mark.usefixtures("served")
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def ask(openai: OpenAI, content: str = "Tell", **fields: Any) -> Any:
    return openai.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}], **fields)


def test_a_chat_is_answered(openai: OpenAI) -> None:
    answer = ask(openai)
    assert answer.model == MODEL
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == "Once upon a time"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
    }  # fmt: skip


def test_the_models_server_is_asked_with_the_key_of_its_start(
    openai: OpenAI, model_server: ModelServerState, served: Job, settings: Settings
) -> None:
    ask(openai, temperature=0.5, top_p=0.9, max_completion_tokens=5, stop=["\n"], n=2, user="me", seed=3)
    ((path, key, body),) = model_server.asked
    assert path == "/v1/chat/completions"
    assert key == f"Bearer {start_key(Cipher(settings.secrets_key), f'{TOKEN} {served.id}')}"
    assert body == {
        "model": "served", "messages": [{"role": "user", "content": "Tell"}], "temperature": 0.5, "top_p": 0.9,
        "max_tokens": 5, "stop": ["\n"], "n": 2, "stream": False,
    }  # fmt: skip


def test_a_chat_is_streamed(openai: OpenAI, model_server: ModelServerState) -> None:
    chunks = list(ask(openai, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "".join(WORDS)
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["length"]
    assert {(chunk.object, chunk.model, chunk.id) for chunk in chunks} == {
        ("chat.completion.chunk", MODEL, chunks[0].id)
    }
    assert model_server.body["stream"] is True


def test_a_stream_tells_its_usage_where_it_is_wanted(openai: OpenAI) -> None:
    *others, last = ask(openai, stream=True, stream_options={"include_usage": True})
    assert (last.choices, last.usage.total_tokens) == ([], 10)
    assert {chunk.usage for chunk in others} == {None}


def test_tools_pass_through(openai: OpenAI, model_server: ModelServerState) -> None:
    answer = ask(openai, tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls[0].model_dump() == CALL
    assert model_server.body["tools"] == TOOLS
    ask(openai, tools=TOOLS, tool_choice="none")
    assert "tools" not in model_server.body


def test_tokens_are_counted_for_each_person_and_model(
    openai: OpenAI, client_of: ClientOf, sessions: sessionmaker[Session], clock: Clock
) -> None:
    ask(openai)
    list(ask(openai, stream=True))
    ask(client_of("bob"))
    with transaction(sessions) as session:
        rows = session.scalars(select(TokenDay).order_by(TokenDay.requests)).all()
    assert [(row.model, row.day, row.requests, row.prompt_tokens, row.completion_tokens) for row in rows] == [
        (MODEL, clock().date(), 1, 7, 3),
        (MODEL, clock().date(), 2, 14, 6),
    ]


def test_the_use_of_a_server_is_noted(
    openai: OpenAI, sessions: sessionmaker[Session], served: Job, clock: Clock
) -> None:
    clock.advance(60)
    ask(openai)
    with transaction(sessions) as session:
        assert session.get_one(ModelServer, served.id).last_used_at == clock()


def test_a_reader_that_leaves_ends_the_generation(openai: OpenAI, model_server: ModelServerState) -> None:
    stream = ask(openai, "endless", stream=True)
    next(stream)
    stream.close()
    assert model_server.reader_left.wait(20)


def test_tokens_that_a_reader_left_are_counted(openai: OpenAI, sessions: sessionmaker[Session]) -> None:
    stream = ask(openai, "slow", stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "Once"]
    stream.close()

    def counted() -> bool:
        with transaction(sessions) as session:
            return [row.completion_tokens for row in session.scalars(select(TokenDay))] == [1]

    wait_until(counted)


def test_a_death_in_the_middle_of_a_stream_is_its_last_event(openai: OpenAI) -> None:
    stream = ask(openai, "die", stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "Once"]
    with pytest.raises(APIError, match=r"broke off.*ask again"):
        next(stream)


def test_a_failure_in_the_middle_of_a_stream_is_told(openai: OpenAI) -> None:
    with pytest.raises(APIError, match="CUDA out of memory"):
        list(ask(openai, "fail", stream=True))


def test_an_answer_that_is_none_is_a_502(openai: OpenAI) -> None:
    with pytest.raises(InternalServerError, match="said what is no answer") as error:
        ask(openai, "nonsense")
    assert error.value.status_code == 502


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_longer_than_the_context_is_refused(openai: OpenAI, stream: bool) -> None:
    with pytest.raises(BadRequestError, match="2048 tokens, and the prompt has 9000: shorten it") as error:
        ask(openai, "too long", stream=stream)
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "messages")


def test_a_raw_prompt_longer_than_the_context_is_refused(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError) as error:
        openai.completions.create(model=MODEL, prompt="too long")
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "prompt")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"stop": ["x"] * 5}, "stop", "4"),
        ({"messages": []}, "messages", "1"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "system"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages", "begin with user"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "needs content"),
        ({"logprobs": True}, "logprobs", "cannot follow"),
        ({"response_format": {"type": "json_object"}}, "response_format", "form text"),
        ({"tools": TOOLS, "tool_choice": "required"}, "tool_choice", "forced"),
        ({"stream": True, "n": 2}, "n", "one choice"),
        ({"temperature": 3}, "temperature", "2"),
        ({"max_tokens": 0}, "max_tokens", "1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    openai: OpenAI, model_server: ModelServerState, fields: dict[str, Any], param: str, words: str
) -> None:
    asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], **fields}
    with pytest.raises(APIStatusError, match=words) as error:
        openai.chat.completions.create(**asked)
    assert error.value.status_code in (400, 422)
    assert isinstance(error.value.body, dict)
    assert str(error.value.body["param"]).startswith(param)
    assert model_server.asked == []


def test_ten_thousand_stop_words_are_too_large_a_body(openai: OpenAI, model_server: ModelServerState) -> None:
    with pytest.raises(APIStatusError, match="more than 8000 values") as error:
        ask(openai, stop=["x"] * 10_000)
    assert (error.value.status_code, model_server.asked) == (413, [])


def test_a_model_that_is_not_there_is_not_found(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="there is no model 'gpt-4'"):
        openai.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "x"}])


def test_twenty_people_stream_at_once_and_one_who_reads_nothing_harms_nobody(
    base_url: str, client_of: ClientOf, model_server: ModelServerState, token: str
) -> None:
    clients = [client_of(f"user{number}") for number in range(20)]
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "endless"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as unread:
        assert unread.status_code == 200
        streams = [iter(ask(client, "slow", stream=True)) for client in clients]
        assert [[next(each).choices[0].delta.content for _ in range(2)] for each in streams] == [["", "Once"]] * 20
        assert ask(clients[0]).choices[0].message.content == "Once upon a time"
        model_server.go_on.set()
        assert ["".join(chunk.choices[0].delta.content or "" for chunk in each) for each in streams] == [
            " upon a time"
        ] * 20


def test_one_person_has_a_few_answers_at_once(openai: OpenAI, model_server: ModelServerState) -> None:
    streams = [ask(openai, "slow", stream=True) for _ in range(3)]
    with pytest.raises(RateLimitError, match="3 answers of models at once") as error:
        ask(openai)
    assert error.value.response.headers["retry-after"] == "5"
    model_server.go_on.set()
    for stream in streams:
        list(stream)
    assert ask(openai)
