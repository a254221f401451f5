"""A row as the conversation that LLaMA-Factory makes of it (data/converter.py), by the entry in dataset_info.json."""

from collections.abc import Mapping
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.preview.rendering import Conversation, Speaker, Turn

_ROLES: tuple[tuple[str, Speaker], ...] = (
    ("user_tag", "user"),
    ("assistant_tag", "assistant"),
    ("observation_tag", "observation"),
    ("function_tag", "function"),
)


def conversation_of(row: Mapping[str, Any], entry: Mapping[str, Any]) -> Conversation | None:
    """Conversation in a row; None where LLaMA-Factory would leave the row out.

    Raises InvalidInput for data that is not learned as a conversation (ranking, KTO, plain text), or offers tools.
    """
    columns = entry["columns"]
    _refuse_other_kinds(row, entry)
    turns = _alpaca_turns(row, columns) if entry["formatting"] == "alpaca" else None
    system = _text(row, columns.get("system"))
    if entry["formatting"] == "sharegpt":
        turns, system = _chat_turns(row[columns["messages"]], entry["tags"], system)
    return None if turns is None else Conversation(turns, system)


def _refuse_other_kinds(row: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    columns = entry["columns"]
    if entry.get("ranking") or "kto_tag" in columns:
        raise _refused("answers are compared here, so there is not one text to show", "look at the rows as they are")
    if entry["formatting"] == "alpaca" and "response" not in columns and "history" in columns:
        raise _refused("nobody answers here: a model is to do it", "look at the rows as they are")
    if entry["formatting"] == "alpaca" and "response" not in columns:
        raise _refused("the text is trained on as it stands, without a template", "look at the rows as they are")
    if _text(row, columns.get("tools")):
        raise _refused("the tools that are offered are not shown here", "look at a row without tools")


def _refused(message: str, hint: str) -> InvalidInput:
    return InvalidInput([Finding(("template",), message, hint)])


def _text(row: Mapping[str, Any], column: str | None) -> str:
    value = row.get(column) if column is not None else None
    return value if isinstance(value, str) else ""


def _alpaca_turns(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[Turn, ...] | None:
    """Turns before, and then the question with its input in a line of its own."""
    answer = row.get(columns["response"])
    if not isinstance(answer, str):
        return None
    history = row.get(columns["history"]) if "history" in columns else None
    said = [(Turn("user", asked), Turn("assistant", answered)) for asked, answered in history or []]
    question = "\n".join(filter(None, (_text(row, columns.get(name)) for name in ("prompt", "query"))))
    said.append((Turn("user", question), Turn("assistant", answer)))
    return tuple(turn for both in said for turn in both)


def _chat_turns(
    messages: list[Mapping[str, Any]], tags: Mapping[str, str], system: str
) -> tuple[tuple[Turn, ...] | None, str]:
    """A first message by the system is its text, and the column for it is not looked at."""
    role, content = tags["role_tag"], tags["content_tag"]
    if messages and messages[0].get(role) == tags["system_tag"]:
        system, messages = messages[0].get(content) or "", messages[1:]
    speakers = {tags[tag]: speaker for tag, speaker in _ROLES}
    turns = []
    for number, message in enumerate(messages):
        speaker = speakers.get(str(message.get(role)))
        if speaker is None or (speaker in ("user", "observation")) == bool(number % 2):
            return None, system
        turns.append(Turn(speaker, message.get(content) or ""))
    return (tuple(turns) if turns and len(turns) % 2 == 0 else None), system
