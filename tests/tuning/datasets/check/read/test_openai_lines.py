"""OpenAI's chats with tool calls become chats that LLaMA-Factory reads."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    st.sampled_from(["role", "content", "tool_calls", "reasoning_content", "x"]),
    JSON | st.sampled_from(["tool", "assistant"]) | st.just([call(1)]) | st.just([{"function": {"name": 1}}]),
)


@given(st.lists(st.dictionaries(st.sampled_from(["messages", "tools"]), st.lists(MESSAGE | JSON, max_size=4) | JSON)))
def test_any_row_is_converted_or_left_to_the_check(rows: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    lines = list(json_lines(BytesIO(content), "openai"))
    assert [type(json.loads(line)) for line in lines] == [dict] * len(rows)
