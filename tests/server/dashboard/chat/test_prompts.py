"""Rows as prompts."""

from typing import Any

import pytest

from server.dashboard.chat.prompts import MOST_CHARACTERS, Prompt, prompts_of
from tuning.datasets.rows.preview import Preview, PreviewRow

ALPACA = {
    "formatting": "alpaca",
    "columns": {
        "prompt": "instruction", "query": "input", "response": "output", "system": "system", "history": "history",
    },
}  # fmt: skip
RANKING = {**ALPACA, "ranking": True}
CHAT = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "tools": "tools"},
    "tags": {
        "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        "observation_tag": "observation", "function_tag": "function", "system_tag": "system",
    },
}  # fmt: skip
CALL = (("user", "a"), ("function", "{}"), ("observation", "1"), ("assistant", "b"))


def prompt(value: dict[str, Any], entry: dict[str, Any]) -> Prompt:
    row = PreviewRow(row=3, line=3, value=value, pieces=None, problem=None)
    [found] = prompts_of(Preview(format="alpaca", template=None, rows=[row], has_more=False), entry)
    return found


def said(*turns: tuple[str, str], **columns: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **columns}


def test_an_instruction_with_its_input_is_the_question() -> None:
    row = {"instruction": "Translate", "input": "ja", "output": "yes", "system": "Be short", "history": [["a", "b"]]}
    assert prompt(row, ALPACA) == Prompt(
        row=3,
        system="Be short",
        earlier=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        question="Translate\nja",
        expected="yes",
    )


def test_the_last_answer_of_a_chat_is_expected() -> None:
    found = prompt(said(("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")), CHAT)
    assert found.for_script == {
        "system": "s",
        "earlier": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "question": "c",
        "expected": "d",
    }


@pytest.mark.parametrize(
    ("value", "entry", "problem"),
    [
        ({"instruction": "a", "chosen": "b", "rejected": "c"}, RANKING, "answers are compared here"),
        (said(("user", "a"), ("assistant", "b"), tools="[]"), CHAT, "the tools that are offered"),
        (said(*CALL), CHAT, "it calls tools"),
        (said(("user", "a")), CHAT, "LLaMA-Factory leaves this row out"),
        (said(("user", "a" * MOST_CHARACTERS), ("assistant", "b")), CHAT, "it has more than 20,000 characters"),
    ],
)
def test_a_row_that_is_no_prompt_says_why(value: dict[str, Any], entry: dict[str, Any], problem: str) -> None:
    assert (prompt(value, entry).problem or "").startswith(problem)
