"""The forms that a row may have, what each is for, and the dataset_info.json entry that it needs.

OpenAI's `messages` are described as `sharegpt` with columns and tags: LLaMA-Factory's own `openai` formatting puts a
system prompt ("detailed thinking off") into every sample.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Formatting = Literal["alpaca", "sharegpt"]
"""LLaMA-Factory's word: which of its two converters reads the rows."""

Purpose = Literal["sft", "ranking", "kto", "pretrain", "questions"]
"""Purpose of the rows: an answer, the better of two answers, an answer with a thumb up or down, plain text; or nothing:
they ask alone, to be predicted on."""


MediaColumns = tuple[tuple[Literal["images", "videos", "audios"], str], ...]
"""LLaMA-Factory's names of the columns that hold paths of media, each with the file's."""


@dataclass(frozen=True)
class Wanted:
    """Form and purpose that a user states for a file; None: detected from its rows."""

    formatting: Formatting | None = None
    purpose: Purpose | None = None
    entry: Mapping[str, Any] | None = None
    """A dataset_info.json entry that says it all (layouts.given_entry)."""


@dataclass(frozen=True)
class AlpacaLayout:
    """One question and its answer (or two) a row, perhaps with what was said before: the names of the columns."""

    purpose: Purpose = "sft"
    prompt: str = "instruction"
    query: str = "input"
    response: str = "output"
    system: str = "system"
    history: str = "history"
    tools: str | None = "tools"
    """None where the column of that name holds something else than text, which LLaMA-Factory cannot read."""
    chosen: str = "chosen"
    rejected: str = "rejected"
    kto_tag: str = "kto_tag"
    formatting: Formatting = "alpaca"
    media: MediaColumns = ()


@dataclass(frozen=True)
class ChatLayout:
    """A list of turns a row: its column, the two keys of a turn, and the names of the speakers."""

    messages: str
    role: str
    content: str
    user: str
    assistant: str
    observation: str
    purpose: Purpose = "sft"
    function: str = "function_call"
    system: str = "system"
    """The name of the speaker, and of the column of that kind."""
    tools: str | None = "tools"
    chosen: str = "chosen"
    rejected: str = "rejected"
    kto_tag: str = "kto_tag"
    formatting: Formatting = "sharegpt"
    media: MediaColumns = ()


@dataclass(frozen=True)
class TextLayout:
    """A text a row. LLaMA-Factory reads it by its alpaca converter, as a prompt without answer."""

    text: str = "text"
    purpose: Purpose = "pretrain"
    formatting: Formatting = "alpaca"


Layout = AlpacaLayout | ChatLayout | TextLayout

_ALPACA_COLUMNS: dict[Purpose, tuple[str, ...]] = {
    "sft": ("prompt", "response"),
    "ranking": ("prompt", "chosen", "rejected"),
    "kto": ("prompt", "response", "kto_tag"),
    "questions": ("prompt",),
}
_CHAT_COLUMNS: dict[Purpose, tuple[str, ...]] = {
    "sft": ("messages",),
    "ranking": ("messages", "chosen", "rejected"),
    "kto": ("messages", "kto_tag"),
}


def dataset_info_entry(layout: Layout, columns: Collection[str]) -> dict[str, Any]:
    """The entry for dataset_info.json, without file_name; `columns` are those that occur in the file.

    A column that is named here and missing in the file is a KeyError in LLaMA-Factory, and where `columns` is given,
    one that is not named is not read: so the map is always written, with what is there.
    """
    entry: dict[str, Any] = {"formatting": layout.formatting, "columns": _present(layout, columns)}
    if layout.purpose == "ranking":
        entry["ranking"] = True
    if isinstance(layout, ChatLayout):
        entry["tags"] = _tags(layout)
    return entry


def purpose_of(entry: Mapping[str, Any]) -> Purpose:
    """Purpose of the rows of a dataset_info.json entry: ours, or any other of LLaMA-Factory's."""
    columns = entry.get("columns", {"response": "output"})  # without columns, LLaMA-Factory's defaults hold
    if entry.get("ranking"):
        return "ranking"
    if "kto_tag" in columns:
        return "kto"
    is_chat = entry.get("formatting", "alpaca") != "alpaca"
    if is_chat or "response" in columns:
        return "sft"
    return "questions" if "history" in columns else "pretrain"


def stages_of(entry: Mapping[str, Any]) -> frozenset[str]:
    """The values of LLaMA-Factory's `stage` in which such an entry can be trained on; predicting is `sft`.

    In another stage LLaMA-Factory ends ("not applicable in the current training stage", "Cannot find valid samples"),
    or reads the questions alone.
    """
    return _STAGES[purpose_of(entry)]


_STAGES: dict[Purpose, frozenset[str]] = {
    "sft": frozenset({"sft"}),
    "ranking": frozenset({"dpo", "rm"}),
    "kto": frozenset({"kto"}),
    "pretrain": frozenset({"pt"}),
    "questions": frozenset(),
}


def _present(layout: Layout, columns: Collection[str]) -> dict[str, str]:
    """LLaMA-Factory's names of columns, and the file's."""
    if isinstance(layout, TextLayout):
        return {"prompt": layout.text}
    if isinstance(layout, AlpacaLayout):
        required, optional = _ALPACA_COLUMNS[layout.purpose], ["query", "system", "history", "tools"]
    else:
        required, optional = _CHAT_COLUMNS[layout.purpose], ["system", "tools"]
    named = {key: getattr(layout, key) for key in optional} | dict(layout.media)
    return {key: getattr(layout, key) for key in required} | {
        key: column for key, column in named.items() if column in columns
    }


def _tags(layout: ChatLayout) -> dict[str, str]:
    """All seven: LLaMA-Factory sets a tag that is left out to None, and then takes a turn without role for it."""
    return {
        "role_tag": layout.role,
        "content_tag": layout.content,
        "user_tag": layout.user,
        "assistant_tag": layout.assistant,
        "observation_tag": layout.observation,
        "function_tag": layout.function,
        "system_tag": layout.system,
    }
