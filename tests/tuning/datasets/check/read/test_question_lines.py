"""Chats that end with the user become questions to predict on."""

import json
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.files import alpaca, as_array, as_lines, messages, ranked_chat, sharegpt
from tuning.datasets.check.layouts.formats import purpose_of
from tuning.datasets.check.read.question_lines import has_questions_alone, question_lines
from tuning.datasets.check.read.tables import find_table, json_lines
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

ASKED = messages(("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"))


def converted(content: bytes) -> list[dict[str, Any]]:
    table = find_table(BytesIO(content), "chats.jsonl")
    assert table == "questions"
    return [json.loads(line) for line in json_lines(BytesIO(content), table)]


@pytest.mark.parametrize("write", [as_lines, as_array])
def test_the_last_words_are_the_question_and_the_others_its_history(write: Any) -> None:
    rows = converted(write([ASKED, sharegpt(("human", "d"))]))
    assert rows == [
        {"instruction": "c", "history": [["a", "b"]], "system": "Be brief."},
        {"instruction": "d", "history": [], "system": ""},
    ]
    checked = validate(BytesIO(as_lines(rows)))
    assert (checked.report.kept, checked.report.dropped, checked.report.problems) == (2, 0, ())
    assert checked.entry == {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "system": "system", "history": "history"},
    }
    assert purpose_of(checked.entry) == "questions"


@pytest.mark.parametrize(
    "rows",
    [
        [messages()],
        [ASKED, messages()],
        [ranked_chat()],
        [alpaca()],
        [messages(("user", "a"), ("user", "b"), ("user", "c"))],
        [messages(("user", [{"type": "text", "text": "a"}]))],
        [{**ASKED, "tools": "[]"}],
        [{**ASKED, "images": ["a.png"]}],
        [{"messages": []}],
        [],
    ],
)
def test_any_other_file_is_left_as_it_is(rows: list[dict[str, Any]]) -> None:
    assert find_table(BytesIO(as_lines(rows)), "chats.jsonl") != "questions"


def test_an_answered_chat_behind_many_questions_is_refused_with_its_line() -> None:
    content = as_lines([ASKED] * 200 + [messages()])
    with pytest.raises(InvalidInput) as refused:
        list(question_lines(BytesIO(content)))
    assert [finding.loc for finding in refused.value.findings] == [("file", 201)]


@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.text(), st.lists).map(lambda v: as_lines([v]))))
def test_any_bytes_are_questions_or_refused(content: bytes) -> None:
    stream = BytesIO(b'{"messages": ' + content)
    has_questions_alone(stream)
    assert stream.tell() == 0
    with suppress(InvalidInput):
        assert all(json.loads(line).keys() == {"instruction", "history", "system"} for line in question_lines(stream))
