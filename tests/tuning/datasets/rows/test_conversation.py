"""A row as the conversation that LLaMA-Factory makes of it."""

from typing import Any

import pytest

from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.layouts.formats import dataset_info_entry
from tuning.datasets.rows.conversation import conversation_of
from tuning.errors import InvalidInput
from tuning.llamafactory.preview.rendering import Conversation, Turn

ALPACA = {"instruction": "Translate.", "input": "犬", "output": "dog"}
CHAT = [{"role": "user", "content": "犬"}, {"role": "assistant", "content": "dog"}]


def made(row: dict[str, Any]) -> Conversation | None:
    entry = dataset_info_entry(detect_layout([{**ALPACA, **row} if "messages" not in row else row]), list(row))
    return conversation_of(row, entry)


def test_instruction_and_input_are_one_question() -> None:
    assert made(ALPACA) == Conversation((Turn("user", "Translate.\n犬"), Turn("assistant", "dog")))


@pytest.mark.parametrize(("row", "question"), [({"input": ""}, "Translate."), ({"instruction": ""}, "犬")])
def test_what_is_empty_takes_no_line(row: dict[str, Any], question: str) -> None:
    found = made({**ALPACA, **row})
    assert found is not None
    assert found.turns[0].text == question


def test_history_comes_first_and_the_system_text_apart() -> None:
    found = made({**ALPACA, "history": [["a", "b"], ["c", "d"]], "system": "Be brief."})
    assert found is not None
    assert [turn.text for turn in found.turns] == ["a", "b", "c", "d", "Translate.\n犬", "dog"]
    assert found.system == "Be brief."


def test_a_row_without_an_answer_is_left_out() -> None:
    assert made({**ALPACA, "output": None}) is None


def test_null_history_and_system_are_none() -> None:
    assert made({**ALPACA, "history": None, "system": None}) == made(ALPACA)


def test_a_chat_is_its_turns() -> None:
    assert made({"messages": CHAT}) == Conversation((Turn("user", "犬"), Turn("assistant", "dog")))


def test_sharegpts_names_are_known() -> None:
    turns = [{"from": "human", "value": "2+2?"}, {"from": "function_call", "value": "{}"}]
    turns += [{"from": "observation", "value": "4"}, {"from": "gpt", "value": "It is 4."}]
    row = {"conversations": turns}
    found = conversation_of(row, dataset_info_entry(detect_layout([row]), list(row)))
    assert found is not None
    assert [turn.speaker for turn in found.turns] == ["user", "function", "observation", "assistant"]


@pytest.mark.parametrize(("column", "said"), [("Always.", "Be brief."), (None, "Be brief."), ("Always.", "")])
def test_a_first_message_by_the_system_is_heard_before_the_column(column: str | None, said: str) -> None:
    found = made({"messages": [{"role": "system", "content": said}, *CHAT], "system": column})
    assert found == Conversation((Turn("user", "犬"), Turn("assistant", "dog")), said)


def test_the_column_is_heard_where_no_message_is_the_systems() -> None:
    found = made({"messages": CHAT, "system": "Always."})
    assert found is not None
    assert found.system == "Always."


@pytest.mark.parametrize(
    "messages",
    [[], CHAT[:1], CHAT[::-1], [*CHAT, CHAT[1], CHAT[1]], [CHAT[0], {"role": "bot", "content": "x"}], [{}, {}]],
)
def test_what_is_no_conversation_is_left_out(messages: list[dict[str, Any]]) -> None:
    row = {"messages": messages}
    assert conversation_of(row, dataset_info_entry(detect_layout([{"messages": CHAT}]), ["messages"])) is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"columns": {"prompt": "instruction", "chosen": "a", "rejected": "b"}, "ranking": True}, "compared"),
        ({"columns": {"prompt": "instruction", "response": "output", "kto_tag": "label"}}, "compared"),
        ({"columns": {"prompt": "instruction"}}, "as it stands"),
        ({"columns": {"prompt": "instruction", "response": "output", "tools": "input"}}, "tools"),
        ({"columns": {"prompt": "instruction", "history": "history"}}, "nobody answers"),
    ],
)
def test_what_is_not_learned_as_a_conversation_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        conversation_of(ALPACA, {"formatting": "alpaca", **entry})
