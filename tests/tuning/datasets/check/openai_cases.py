"""Rows as OpenAI's fine-tuning takes them: of each pair a good one, and another whose treatment is to be seen."""

from typing import Any

from tests.tuning.datasets.files import weighted

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "c1", "content": "3 C"}


def user(content: Any = "Hello?") -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": content}


def assistant(content: Any = "Hello!", **beside: Any) -> dict[str, Any]:
    """A message of the assistant."""
    return {"role": "assistant", "content": content, **beside}


def preference(*asked: dict[str, Any], tools: Any = None, **changes: Any) -> dict[str, Any]:
    """A row of two answers; without messages and changes a good one."""
    beside = {} if tools is None else {"tools": tools, "parallel_tool_calls": True}
    answers = {"preferred_output": [assistant()], "non_preferred_output": [assistant("Go away.")]}
    return {"input": {"messages": list(asked or (user(),)), **beside}, **answers, **changes}


def chat(*messages: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """A row that is learned as it stands."""
    return {"messages": list(messages), **beside}


PREFERENCES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (preference(), preference(assistant("s") | {"role": "system"}, user(), assistant(), user("And?"))),
    (preference(tools=[]), preference()),
    (preference(tools=[TOOL]), preference(tools=[TOOL], preferred_output=[CALLING])),
    (preference(tools=[TOOL]), preference(user(), CALLING, TOLD, TOLD, tools=[TOOL])),
    (preference(), preference(preferred_output=[assistant(weight=1, refusal=None)])),
    (preference(), preference(user(), assistant(weight=0), user("And?"))),
    (preference(), preference(preferred_output=assistant())),
    (preference(), preference(preferred_output=[assistant("Go away.")])),
    (preference(), preference(preferred_output=None)),
    (preference(), preference(preferred_output=[])),
    (preference(), preference(preferred_output=[assistant(), assistant()])),
    (preference(), preference(preferred_output=[assistant([{"type": "text", "text": "Hello!"}])])),
    (preference(), preference(preferred_output=[assistant(None)])),
    (preference(), preference(preferred_output=[user("Me.")])),
    (preference(), preference(user(), assistant())),
    (preference(), preference(assistant())),
    (preference(), chat(user(), assistant())),
]
CHATS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (weighted(1), weighted(0, 1)),
    (weighted(1, 0), weighted(1)),
    (chat(user(), CALLING, TOLD, assistant(), tools=[TOOL]), chat(user(), CALLING, TOLD, TOLD, assistant())),
    (chat(user(), CALLING, TOLD, assistant()), chat(user(), CALLING | {"weight": 0}, TOLD, assistant())),
    (chat(user(), assistant("4", reasoning_content="2+2")), chat(user(), assistant("4"))),
]
