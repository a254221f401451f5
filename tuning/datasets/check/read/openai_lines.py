"""OpenAI's chats with tool calls, reasoning or weights, and its preferences, as lines for LLaMA-Factory's sharegpt.

A message with `tool_calls` becomes one of the role function_call, whose content is the calls as JSON with their
arguments decoded; the answers of tools to one message become one message; a list of tools becomes its JSON text. What
the message says beside its calls is not trained on, as in LLaMA-Factory's own `openai` converter (data/converter.py),
which is not used because it writes a system prompt into every sample. `reasoning_content` is put before the answer, as
LLaMA-Factory's templates of reasoning models look for it there (data/template.py, thought_words); its converters
read no such key. A chat is cut behind its last answer that has not the weight 0: LLaMA-Factory knows no weights, and
would train on what follows; of a chat in which every answer has it, nothing is cut. A preference (`input` with
messages, `preferred_output`, `non_preferred_output`) becomes a chat with the columns `chosen` and `rejected`.
"""

import json
from collections.abc import Generator, Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from tuning.datasets.check.issues import EXPLANATIONS, Reason
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.line_rows import read_line_rows
from tuning.datasets.check.read.rows import Fault, Rows, find_encoding
from tuning.errors import Finding, InvalidInput

_COLUMN, _CALLS, _REASONING, _WEIGHT = "messages", "tool_calls", "reasoning_content", "weight"
_ANSWERING = ("assistant", "function_call")
_JUDGED = frozenset({"chosen", "rejected", "kto_tag", "label"})
"""Columns of rows that are compared or liked: their chats are what was asked."""
_THOUGHT = "<think>\n{}\n</think>\n\n{}"
_INPUT, _PREFERENCE = "input", {"preferred_output": "chosen", "non_preferred_output": "rejected"}
_SIGNS = (b'"tool_calls"', b'"reasoning_content"', b'"preferred_output"', b'"weight"')
_HEAD_BYTES = 1024 * 1024
_ROWS_LOOKED_AT = 100
_BETWEEN_ANSWERS = "\n</tool_response>\n<tool_response>\n"
"""As LLaMA-Factory joins what several tools said."""


def has_more_than_content(stream: BinaryIO) -> bool:
    """Whether one of the rows in the first MiB of a seekable JSON file is more than a chat of what is said.

    It is left at its start.
    """
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if not any(sign in head for sign in _SIGNS):
        return False
    rows = islice(_rows(BytesIO(head)), _ROWS_LOOKED_AT)
    return any(not isinstance(row, Fault) and _has_more(row.value) for row in rows)


def openai_lines(stream: BinaryIO) -> Generator[bytes, None, None]:
    """A line for each row of a seekable JSON file. Raises InvalidInput at the first row that is no JSON object."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for row in _rows(stream):
        if isinstance(row, Fault):
            raise _refused(row.reason, row.number, row.line, row.detail)
        if not isinstance(row.value, dict):
            raise _refused(Reason.NOT_AN_OBJECT, row.number, row.line)
        yield encode(_converted(row.value)).encode("utf-8", "replace") + b"\n"


def _rows(stream: BinaryIO) -> Rows:
    return read_array_rows(stream) if find_encoding(stream) == "json" else read_line_rows(stream)


def _has_more(row: Any) -> bool:
    if isinstance(row, dict) and _is_preference(row):
        return True
    messages = row.get(_COLUMN) if isinstance(row, dict) else None
    return isinstance(messages, list) and any(
        isinstance(each, dict) and (each.get(_CALLS) or each.get(_REASONING) or each.get(_WEIGHT) is not None)
        for each in messages
    )


def _is_preference(row: dict[str, Any]) -> bool:
    asked = row.get(_INPUT)
    return isinstance(asked, dict) and isinstance(asked.get(_COLUMN), list) and not _PREFERENCE.keys().isdisjoint(row)


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    return _as_chat(_as_ranking(row) if _is_preference(row) else row)


def _as_ranking(row: dict[str, Any]) -> dict[str, Any]:
    """The chat that was answered, and both answers. What is no single answer is left to the check."""
    asked = row[_INPUT]
    tools = {"tools": asked["tools"]} if "tools" in asked else {}
    answers = {own: _answer(row.get(name)) for name, own in _PREFERENCE.items()}
    return {_COLUMN: asked[_COLUMN], **tools, **answers}


def _answer(output: Any) -> Any:
    message = output[0] if isinstance(output, list) and len(output) == 1 else output
    return _message(message) if isinstance(message, dict) else message


def _as_chat(row: dict[str, Any]) -> dict[str, Any]:
    messages = row.get(_COLUMN)
    if not isinstance(messages, list):
        return row
    tools = {"tools": json.dumps(row["tools"], ensure_ascii=False)} if isinstance(row.get("tools"), list) else {}
    chat = list(_joined(_message(each) for each in messages))
    return {**row, _COLUMN: chat if _JUDGED & row.keys() else _up_to_last_trained(chat), **tools}


def _up_to_last_trained(chat: list[Any]) -> list[Any]:
    """Without answers of weight 0 at the end, and what they answer."""
    answers = [place for place, each in enumerate(chat) if isinstance(each, dict) and each.get("role") in _ANSWERING]
    trained = [place for place in answers if chat[place].get(_WEIGHT) != 0]
    return chat[: trained[-1] + 1] if trained and trained[-1] != answers[-1] else chat


def _message(message: Any) -> Any:
    """A message as it is, or with its calls for content. Where a call is none, what is wrong is left to the check."""
    calls = message.get(_CALLS) if isinstance(message, dict) else None
    if not isinstance(calls, list) or not calls:
        return _without_ids(message)
    functions = [call.get("function") if isinstance(call, dict) else None for call in calls]
    content = [_function(each) if isinstance(each, dict) else each for each in functions]
    weight = {_WEIGHT: message[_WEIGHT]} if _WEIGHT in message else {}
    return {"role": "function_call", "content": json.dumps(content, ensure_ascii=False), **weight}


def _without_ids(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    if message.get("role") == "tool":
        return {"role": "tool", "content": message.get("content")}
    return _reasoned({key: value for key, value in message.items() if key != _CALLS})


def _reasoned(message: dict[str, Any]) -> dict[str, Any]:
    """With its reasoning before what it says, unless that has some."""
    thought, content = message.get(_REASONING), message.get("content")
    if not isinstance(thought, str) or not isinstance(content, str):
        return message
    told = content if not thought.strip() or "<think>" in content else _THOUGHT.format(thought.strip("\n"), content)
    return {key: value for key, value in message.items() if key != _REASONING} | {"content": told}


def _function(function: dict[str, Any]) -> dict[str, Any]:
    """Its arguments as an object: OpenAI has them as JSON in a text, which would be quoted a second time."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):  # what is no JSON is told by the check
            arguments = json.loads(arguments)
    return {key: value for key, value in function.items() if key == "name"} | (
        {"arguments": arguments} if arguments is not None else {}
    )


def _joined(messages: Iterator[Any]) -> Iterator[Any]:
    """Answers of tools that follow each other as one message."""
    answers: list[str] = []
    for message in messages:
        is_answer = isinstance(message, dict) and message.get("role") == "tool"
        if is_answer and isinstance(message.get("content"), str):
            answers.append(message["content"])
            continue
        if answers:
            yield {"role": "tool", "content": _BETWEEN_ANSWERS.join(answers)}
            answers = []
        yield message
    if answers:
        yield {"role": "tool", "content": _BETWEEN_ANSWERS.join(answers)}


def _refused(reason: Reason, number: int, line: int, detail: str = "") -> InvalidInput:
    told = EXPLANATIONS[reason]
    beside = f" ({detail})" if detail else ""
    return InvalidInput([Finding(("file", line), f"row {number} (line {line}): {told.message}{beside}", told.hint)])
