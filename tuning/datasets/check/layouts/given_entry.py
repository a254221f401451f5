"""A dataset_info.json entry as people have it for LLaMA-Factory, read as the layout of an uploaded file.

Its meaning is that of LLaMA-Factory 0.9.5's data/parser.py: without `columns` and `tags` its defaults hold, and where
`columns` is given, only the columns that it names are read. Its formatting `openai` is read as sharegpt with the same
tags (layouts.formats says why).
"""

from collections.abc import Mapping
from typing import Any, Literal

from tuning.datasets.check.layouts.formats import AlpacaLayout, ChatLayout, Layout, MediaColumns, Purpose, TextLayout
from tuning.errors import Finding, InvalidInput

PLACES = frozenset(
    {"file_name", "hf_hub_url", "ms_hub_url", "om_hub_url", "cloud_file_name", "split", "subset", "folder"}
)
"""Where the rows lie: the upload is in their place."""
_MEANT = frozenset({"formatting", "ranking", "columns", "tags", "num_samples"})
_ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
_CHAT = {"messages": "conversations"}
_COLUMNS = frozenset(
    {"prompt", "query", "response", "history", "messages", "system", "tools", "chosen", "rejected", "kto_tag"}
)
_MEDIA: tuple[Literal["images", "videos", "audios"], ...] = ("images", "videos", "audios")
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
_OPENAI_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
}
_ABSENT = "\0"
"""The name of a column that no file has."""


def given_layout(entry: Mapping[str, Any]) -> Layout:
    """The layout that an entry describes. Raises InvalidInput with all that is wrong with it."""
    formatting = entry.get("formatting", "alpaca")
    columns, tags = entry.get("columns", {}), entry.get("tags", {})
    findings = [*_unknown_keys(entry), *_bad_names("columns", columns), *_bad_names("tags", tags)]
    if formatting not in ("alpaca", "sharegpt", "openai"):
        hint = "alpaca, sharegpt or openai"
        findings.append(Finding(("entry", "formatting"), f"unknown formatting {str(formatting)[:80]!r}", hint))
    if findings:
        raise InvalidInput(findings)
    if missing := _missing(formatting, columns, is_ranking=bool(entry.get("ranking"))):
        raise InvalidInput(missing)
    purpose = _purpose(formatting, columns, is_ranking=bool(entry.get("ranking")))
    if formatting != "alpaca":
        defaults = {**_TAGS, **(_OPENAI_TAGS if formatting == "openai" else {})}
        return _chat({**_CHAT, **columns}, {**defaults, **tags}, purpose)
    if purpose == "pretrain":
        return TextLayout(columns.get("prompt", _ALPACA["prompt"]))
    return _alpaca(columns or _ALPACA, purpose)


def given_sample_count(entry: Mapping[str, Any]) -> dict[str, int]:
    """Number of rows that the entry draws (num_samples)."""
    count = entry.get("num_samples")
    return {"num_samples": count} if isinstance(count, int) and count > 0 else {}


def _missing(formatting: str, columns: Mapping[str, str], *, is_ranking: bool) -> list[Finding]:
    """Columns that the form needs and `columns` does not name."""
    needed = ["prompt"] if formatting == "alpaca" and columns else []
    needed += ["chosen", "rejected"] if is_ranking else []
    needed += ["response"] if "kto_tag" in columns and formatting == "alpaca" else []
    return [
        Finding(("entry", "columns"), f"columns does not name {name}", f'write {{"{name}": "the name of your column"}}')
        for name in needed
        if name not in columns
    ]


def _purpose(formatting: str, columns: Mapping[str, str], *, is_ranking: bool) -> Purpose:
    if is_ranking:
        return "ranking"
    if "kto_tag" in columns:
        return "kto"
    return "pretrain" if formatting == "alpaca" and columns and "response" not in columns else "sft"


def _alpaca(columns: Mapping[str, str], purpose: Purpose) -> AlpacaLayout:
    return AlpacaLayout(
        purpose=purpose,
        prompt=columns.get("prompt", _ABSENT),
        query=columns.get("query", _ABSENT),
        response=columns.get("response", _ABSENT),
        system=columns.get("system", _ABSENT),
        history=columns.get("history", _ABSENT),
        tools=columns.get("tools"),
        chosen=columns.get("chosen", _ABSENT),
        rejected=columns.get("rejected", _ABSENT),
        kto_tag=columns.get("kto_tag", _ABSENT),
        media=_media(columns),
    )


def _chat(columns: Mapping[str, str], tags: Mapping[str, str], purpose: Purpose) -> ChatLayout:
    return ChatLayout(
        messages=columns["messages"],
        role=tags["role_tag"],
        content=tags["content_tag"],
        user=tags["user_tag"],
        assistant=tags["assistant_tag"],
        observation=tags["observation_tag"],
        function=tags["function_tag"],
        system=tags["system_tag"],
        purpose=purpose,
        tools=columns.get("tools"),
        chosen=columns.get("chosen", _ABSENT),
        rejected=columns.get("rejected", _ABSENT),
        kto_tag=columns.get("kto_tag", _ABSENT),
        media=_media(columns),
    )


def _media(columns: Mapping[str, str]) -> MediaColumns:
    return tuple((kind, columns[kind]) for kind in _MEDIA if kind in columns)


def _unknown_keys(entry: Mapping[str, Any]) -> list[Finding]:
    known = ", ".join(sorted(_MEANT))
    found = [
        Finding(("entry", name[:100]), f"an upload's entry has no {name[:100]!r}", f"it may have {known}")
        for name in entry
        if name not in _MEANT | PLACES
    ]
    if not isinstance(entry.get("ranking", False), bool):
        found.append(Finding(("entry", "ranking"), "ranking is true or false"))
    count = entry.get("num_samples")
    if count is not None and (type(count) is not int or not 0 < count < 10**12):
        hint = "give a whole number above 0, or leave it out"
        found.append(Finding(("entry", "num_samples"), "num_samples is no number of rows", hint))
    return found


def _bad_names(part: str, names: Any) -> list[Finding]:
    """Findings in `columns` or `tags`."""
    if not isinstance(names, Mapping):
        return [Finding(("entry", part), f"{part} is no mapping of names", 'write {"prompt": "question"}')]
    known = _COLUMNS.union(_MEDIA) if part == "columns" else _TAGS.keys()
    unknown = [name for name in names if name not in known]
    found = [
        Finding(
            ("entry", part, name[:100]), f"LLaMA-Factory knows no {name[:100]!r} in {part}", ", ".join(sorted(known))
        )
        for name in unknown
    ]
    for name, value in names.items():
        if not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isprintable():
            found.append(Finding(("entry", part, name[:100]), f"{name[:100]} is no name of a {part.rstrip('s')}"))
    return found
