"""OpenAI's chats with tool calls become chats that LLaMA-Factory reads."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.files import weighted
from tuning.datasets.check.read.openai_lines import has_more_than_content
from tuning.datasets.check.read.tables import find_table, json_lines
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


def call(number: int, arguments: Any = '{"city": "Bern"}') -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def chat(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    answers = [{"role": "tool", "tool_call_id": each["id"], "content": f"{3 + n} C"} for n, each in enumerate(calls)]
    asked = {"role": "assistant", "content": content, "tool_calls": list(calls)}
    user, end = {"role": "user", "content": "Weather in Bern?"}, {"role": "assistant", "content": "3 degrees."}
    return {"messages": [user, asked, *answers, end], "tools": TOOLS}


def converted(content: bytes) -> list[dict[str, Any]]:
    table = find_table(BytesIO(content), "chats.jsonl")
    assert table == "openai"
    return [json.loads(line) for line in json_lines(BytesIO(content), table)]


@pytest.mark.parametrize("content", [None, "", "Let me look."])
@pytest.mark.parametrize("is_array", [True, False])
def test_a_call_is_trained_on(content: str | None, is_array: bool) -> None:
    rows = [chat(call(1), content=content), chat(call(2), content=content)]
    text = json.dumps(rows) if is_array else "".join(json.dumps(row) + "\n" for row in rows)
    found = converted(text.encode())
    assert [turn["role"] for turn in found[0]["messages"]] == ["user", "function_call", "tool", "assistant"]
    assert json.loads(found[0]["messages"][1]["content"]) == [{"name": "weather", "arguments": {"city": "Bern"}}]
    assert json.loads(found[0]["tools"]) == TOOLS
    checked = validate(BytesIO("".join(json.dumps(row) + "\n" for row in found).encode()))
    assert (checked.report.kept, checked.report.dropped, checked.report.problems) == (2, 0, ())
    assert checked.entry["columns"] == {"messages": "messages", "tools": "tools"}
    assert checked.entry["tags"]["function_tag"] == "function_call"


def test_answers_to_calls_at_once_are_one_message() -> None:
    [row] = converted(json.dumps([chat(call(1), call(2))]).encode())
    assert [turn["role"] for turn in row["messages"]] == ["user", "function_call", "tool", "assistant"]
    assert row["messages"][2]["content"] == "3 C\n</tool_response>\n<tool_response>\n4 C"


def test_arguments_may_be_an_object_already() -> None:
    [row] = converted(json.dumps([chat(call(1, {"city": "Bern"}))]).encode())
    assert json.loads(row["messages"][1]["content"])[0]["arguments"] == {"city": "Bern"}


def reasoned(content: str | None, thought: Any) -> dict[str, Any]:
    answer = {"role": "assistant", "content": content, "reasoning_content": thought}
    return {"messages": [{"role": "user", "content": "2+2?"}, answer]}


def test_reasoning_is_put_before_the_answer() -> None:
    [row] = converted(json.dumps([reasoned("4", "Two and two.\n")]).encode())
    assert row["messages"][1] == {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"}


def test_reasoning_that_is_none_or_stands_there_already_changes_nothing() -> None:
    said = "<think>x</think>4"
    first, second, third = converted(json.dumps([reasoned("4", "x"), reasoned("4", " "), reasoned(said, "x")]).encode())
    assert first["messages"][1]["content"] != "4"
    assert [row["messages"][1]["content"] for row in (second, third)] == ["4", said]


def test_chats_without_calls_are_left_alone() -> None:
    row = {"messages": [{"role": "user", "content": "tool_calls?"}, {"role": "assistant", "content": "b"}]}
    content = json.dumps(row).encode()
    assert find_table(BytesIO(content), "") is None
    null = {"messages": [{"role": "assistant", "content": "b", "tool_calls": None}]}
    assert not has_more_than_content(BytesIO(json.dumps(null).encode()))


@pytest.mark.parametrize("broken", [b"{", b"[1]", b'"a"'])
def test_a_broken_row_is_refused_with_its_line(broken: bytes) -> None:
    content = json.dumps(chat(call(1))).encode() + b"\n" + broken + b"\n"
    with pytest.raises(InvalidInput) as caught:
        list(json_lines(BytesIO(content), "openai"))
    assert caught.value.findings[0].loc == ("file", 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MESSAGE = st.dictionaries(
    st.sampled_from(["role", "content", "tool_calls", "reasoning_content", "weight", "x"]),
    JSON | st.sampled_from(["tool", "assistant"]) | st.just([call(1)]) | st.just([{"function": {"name": 1}}]),
)


@given(st.lists(st.dictionaries(st.sampled_from(["messages", "tools"]), st.lists(MESSAGE | JSON, max_size=4) | JSON)))
def test_any_row_is_converted_or_left_to_the_check(rows: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    lines = list(json_lines(BytesIO(content), "openai"))
    assert [type(json.loads(line)) for line in lines] == [dict] * len(rows)


@pytest.mark.parametrize(
    ("weights", "kept"),
    [
        ((1, 0), 1),
        ((0, 1, 0, 0), 2),
        ((None, 0), 1),
        ((0, 1), 2),
        ((1, 1), 2),
        ((0, 0), 2),  # left to the check, which refuses it with its line
    ],
)
def test_a_chat_ends_with_its_last_answer_that_has_weight(weights: tuple[int | None, ...], kept: int) -> None:
    [row] = converted(json.dumps([weighted(*weights, id=1)]).encode())
    assert row == {**weighted(*weights[:kept]), "id": 1}


def test_a_call_keeps_its_weight() -> None:
    calling = chat(call(1))
    calling["messages"][1]["weight"] = 0
    [row] = converted(json.dumps([calling]).encode())
    assert row["messages"][1].items() >= {"role": "function_call", "weight": 0}.items()
    calling["messages"][3]["weight"] = 0
    calling["messages"][1]["weight"] = 1
    [row] = converted(json.dumps([calling]).encode())
    assert [turn["role"] for turn in row["messages"]] == ["user", "function_call"]


@pytest.mark.parametrize("column", ["kto_tag", "label"])
def test_a_chat_that_is_liked_is_not_cut(column: str) -> None:
    [row] = converted(json.dumps([weighted(1, 0, **{column: True})]).encode())
    assert len(row["messages"]) == 4


def test_a_preference_is_not_cut() -> None:
    asked = {"messages": [*weighted(1, 0)["messages"], {"role": "user", "content": "c"}]}
    [row] = converted(json.dumps([preference(input=asked)]).encode())
    assert row["messages"] == asked["messages"]


def preference(**changes: Any) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": "Hello?"}], "tools": [], "parallel_tool_calls": True}
    good, bad = ([{"role": "assistant", "content": text}] for text in ("Hello!", "Go away."))
    return {"input": asked, "preferred_output": good, "non_preferred_output": bad, **changes}


def test_a_preference_becomes_a_ranking() -> None:
    rows = [preference(), preference()]
    found = converted("".join(json.dumps(row) + "\n" for row in rows).encode())
    assert found[0] == {
        "messages": [{"role": "user", "content": "Hello?"}],
        "tools": "[]",
        "chosen": {"role": "assistant", "content": "Hello!"},
        "rejected": {"role": "assistant", "content": "Go away."},
    }
    checked = validate(BytesIO("".join(json.dumps(row) + "\n" for row in found).encode()))
    assert (checked.report.purpose, checked.report.kept, checked.report.problems) == ("ranking", 2, ())
    assert checked.entry["ranking"] is True


def test_a_preference_of_calls_is_one_of_calls() -> None:
    call_of = {"role": "assistant", "content": None, "tool_calls": [call(1)]}
    [row] = converted(json.dumps([preference(preferred_output=[call_of])]).encode())
    assert row["chosen"]["role"] == "function_call"


@pytest.mark.parametrize("output", [[], [{"role": "assistant", "content": "a"}] * 2, "a"])
def test_a_preference_without_one_answer_each_is_refused(output: Any) -> None:
    rows = [preference(), preference(preferred_output=output)]
    found = converted("".join(json.dumps(row) + "\n" for row in rows).encode())
    with pytest.raises(InvalidInput, match="row 2"):
        validate(BytesIO("".join(json.dumps(row) + "\n" for row in found).encode()))
