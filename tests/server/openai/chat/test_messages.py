"""Messages of a chat in the order that LLaMA-Factory takes."""

from typing import Any

import pytest

from server.openai.chat.messages import Message, turns
from tuning.errors import InvalidInput

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def joined(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    return turns([Message.model_validate(message) for message in messages])


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_system_words_come_first_and_neighbours_of_a_role_are_joined() -> None:
    found = joined(user("a"), {"role": "developer", "content": "Be short."}, user([{"type": "text", "text": "b"}]))
    assert found == [{"role": "system", "content": "Be short."}, user("a\n\nb")]


def test_images_stay_parts() -> None:
    assert joined(user([PICTURE]), user("What?"))[0]["content"] == [PICTURE, {"type": "text", "text": "What?"}]


def test_calls_and_their_results_take_turns() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    results = [{"role": "tool", "content": "1", "tool_call_id": "c"}, {"role": "tool", "content": "2"}]
    found = joined(user("a"), {"role": "assistant", "content": None, "tool_calls": [call]}, *results)
    assert [each["role"] for each in found] == ["user", "assistant", "tool"]
    assert (found[1]["tool_calls"], found[2]["content"]) == ([call], "1\n\n2")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "x"}],
        [{"role": "assistant", "content": "x"}, user("y")],
        [user("x"), {"role": "assistant", "content": "y"}],
        [user("x"), {"role": "tool", "content": "y"}],
        [user(None)],
        [user("x"), {"role": "assistant", "content": [PICTURE]}, user("y")],
    ],
)
def test_what_no_model_takes_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInput):
        joined(*messages)


def test_an_image_from_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Message.model_validate(user([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]))
