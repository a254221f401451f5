"""A chat's stream, line by line."""

from collections.abc import Iterable

import pytest

from packtrain.errors import ApiError
from packtrain.transport.chat_stream import ChatReader, Waiting

WORD = 'data: {"choices": [{"delta": {"content": "Once"}}]}'


def read(lines: Iterable[str]) -> list[str | Waiting]:
    reader = ChatReader()
    found = [piece for line in lines if (piece := reader.feed(line)) is not None]
    reader.end()
    return found


def test_words_on_the_wait_come_before_the_text() -> None:
    lines = [": it is queued", "", ": still here", "", 'data: {"choices": [{"delta": {"role": "assistant"}}]}', ""]
    assert read([*lines, WORD, "", 'data: {"choices": []}', "", "data: [DONE]", ""]) == [
        Waiting("it is queued"),
        "Once",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('data: {"error": {"message": "it died"}}', "it died"),
        ("data: [1]", "no piece"),
        ("data: nonsense", "no piece"),
        ('data: {"choices": [1]}', "no piece"),
    ],
)
def test_an_error_or_nonsense_ends_it(line: str, words: str) -> None:
    with pytest.raises(ApiError, match=words):
        read([line, ""])


def test_an_answer_without_an_end_is_told() -> None:
    with pytest.raises(ApiError, match="broke off"):
        read([WORD, ""])
