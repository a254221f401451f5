"""The form of a file, told from its first rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from tuning.datasets.check.layouts.formats import (
    AlpacaLayout,
    ChatLayout,
    Layout,
    MediaColumns,
    Purpose,
    TextLayout,
    Wanted,
    dataset_info_entry,
)
from tuning.datasets.check.layouts.given_entry import given_layout
from tuning.errors import Finding, InvalidInput

_CHAT_COLUMNS = ("conversations", "messages", "conversation", "dialog", "dialogue")
_TURNS = (("from", "value"), ("role", "content"), ("role", "value"), ("from", "content"), ("role", "text"))
"""The two keys of a turn."""
# LLaMA-Factory's own name first, then those of the trl library's data sets, then others that are usual.
_PROMPT_COLUMNS = ("instruction", "prompt", "question", "query", "problem", "input")
_RESPONSE_COLUMNS = ("output", "response", "completion", "answer", "solution", "target")
_TEXT_COLUMNS = ("text", "content")
_KTO_COLUMNS = ("kto_tag", "label")
_NUMBER_TAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false"})
"""Texts too: a CSV has no truth values."""
_MEDIA_COLUMNS: MediaColumns = (
    ("images", "images"),
    ("images", "image"),
    ("videos", "videos"),
    ("videos", "video"),
    ("audios", "audios"),
    ("audios", "audio"),
)
"""LLaMA-Factory's names, and those that other programs have for one file a row."""
_KNOWN_FORMS = (
    "alpaca rows have `instruction` and `output` (and may have `input`, `system`, `history`); sharegpt rows have "
    "`conversations` with `from` and `value`, or `messages` with `role` and `content`; for ranking there are `chosen` "
    "and `rejected` besides, for KTO `kto_tag`; pre-training rows have `text`"
)

Rows = Sequence[dict[str, Any]]


def detect_layout(rows: Rows, wanted: Wanted | None = None) -> Layout:
    """The layout that the first rows of a file have; what is wanted decides where they have more than one.

    Raises InvalidInput when they have none that is known, or not the one that is wanted.
    """
    wanted = wanted or Wanted()
    _refuse_number_tag(rows, wanted)
    found = list(_layouts(rows)) if wanted.entry is None else [_given(wanted.entry, rows)]
    if not found:
        raise InvalidInput([_unknown_layout(rows)])
    fitting = [layout for layout in found if wanted.formatting in (None, layout.formatting)]
    if not fitting:
        raise InvalidInput([_other_than_wanted("format", f"form {found[0].formatting}", str(wanted.formatting))])
    named = [layout for layout in fitting if wanted.purpose in (None, layout.purpose)]
    if not named:
        raise InvalidInput([_other_than_wanted("purpose", f"purpose {fitting[0].purpose}", str(wanted.purpose))])
    return named[0] if wanted.entry is not None else _with_media(named[0], rows)


def media_columns(rows: Rows) -> MediaColumns:
    """Columns whose values are paths of media, one of each kind; later rows may have some where the first have none."""
    found: dict[Literal["images", "videos", "audios"], str] = {}
    for kind, column in _MEDIA_COLUMNS:
        values = _values(rows, column)
        if all(isinstance(value, str | list) for value in values) and (any(values) or (values and kind == column)):
            found.setdefault(kind, column)
    return tuple(found.items())


def _with_media(layout: Layout, rows: Rows) -> Layout:
    return layout if isinstance(layout, TextLayout) else replace(layout, media=media_columns(rows))


def _given(entry: Mapping[str, Any], rows: Rows) -> Layout:
    """What an entry says, whose columns are there: LLaMA-Factory ends at one that is not."""
    layout = given_layout(entry)
    seen = {key for row in rows for key in row}
    named = dataset_info_entry(layout, seen)["columns"]
    missing = sorted(column for column in named.values() if column not in seen)
    if missing:
        hint = f"the first rows have: {', '.join(sorted(map(ascii, seen))[:10])}"
        raise InvalidInput([Finding(("entry", "columns"), f"no row has a column {name!r}", hint) for name in missing])
    return layout


def _layouts(rows: Rows) -> Iterator[Layout]:
    """All that the rows could be, the likeliest first."""
    tools = "tools" if all(isinstance(value, str) for value in _values(rows, "tools")) else None
    yield from _chats(rows, tools)
    yield from _alpacas(rows, tools)
    for column in _TEXT_COLUMNS:
        if _values(rows, column):
            yield TextLayout(column)


def _chats(rows: Rows, tools: str | None) -> Iterator[ChatLayout]:
    for column in _CHAT_COLUMNS:
        turns = [
            turn for row in rows if isinstance(row.get(column), list) for turn in row[column] if isinstance(turn, dict)
        ]
        for role, content in _TURNS:
            if any(role in turn and content in turn for turn in turns):
                names = _names_of_speakers(role, {str(turn.get(role)) for turn in turns})
                layout = ChatLayout(column, role, content, *names, tools=tools)
                tag = _kto_column(rows)
                for purpose in _purposes(rows, plain=True, tag=tag):
                    yield replace(layout, purpose=purpose, kto_tag=tag or layout.kto_tag)
                return


def _names_of_speakers(role: str, speakers: Collection[str]) -> tuple[str, str, str]:
    """Of the user, the assistant, and of what a tool says."""
    is_sharegpt = role == "from" and not {"user", "assistant", "model"} & set(speakers)
    has_gpt = "human" in speakers or "gpt" in speakers
    user = "human" if "human" in speakers or (is_sharegpt and "user" not in speakers) else "user"
    spoken = (name for name in ("gpt", "assistant", "model") if name in speakers)
    assistant = next(spoken, "gpt" if is_sharegpt or has_gpt else "assistant")
    says_tool = "tool" in speakers and "observation" not in speakers
    return user, assistant, "observation" if (is_sharegpt or has_gpt) and not says_tool else "tool"


def _alpacas(rows: Rows, tools: str | None) -> Iterator[AlpacaLayout]:
    prompt, response, tag = _first(rows, _PROMPT_COLUMNS), _first(rows, _RESPONSE_COLUMNS), _kto_column(rows)
    if prompt is None:
        return
    for purpose in _purposes(rows, plain=response is not None, tag=tag):
        query = "" if prompt == "input" else "input"
        yield AlpacaLayout(purpose, prompt, query, response or "output", tools=tools, kto_tag=tag or "kto_tag")
    if response is None and _first(rows, ("history",)) is not None and not _values(rows, "chosen"):
        yield AlpacaLayout("questions", prompt, "" if prompt == "input" else "input")


def _purposes(rows: Rows, *, plain: bool, tag: str | None) -> Iterator[Purpose]:
    """What rows that have a question or a chat may be for; `plain`: there is an answer too."""
    if _values(rows, "chosen") and _values(rows, "rejected"):
        yield "ranking"
    if plain:
        yield from ("kto", "sft") if tag else ("sft",)


def _kto_column(rows: Rows) -> str | None:
    """`label` is a common name of other things: it is one only where it is true or false."""
    found = _first(rows, _KTO_COLUMNS)
    if found == "label" and not all(isinstance(value, bool) for value in _values(rows, found)):
        return None
    return found


def _refuse_number_tag(rows: Rows, wanted: Wanted) -> None:
    """A column that says with 1 and 0 how an answer was liked: LLaMA-Factory reads true and false only.

    Without the column a disliked answer would be learned like any other.
    """
    if wanted.purpose not in (None, "kto") or wanted.entry is not None or _kto_column(rows) == _KTO_COLUMNS[0]:
        return
    tag = _first(rows, _KTO_COLUMNS)
    said = {str(value).lower() for value in _values(rows, tag) if not isinstance(value, bool)} if tag else set()
    if not said or not said <= _NUMBER_TAGS:
        return
    otherwise = "" if wanted.purpose else "; where it means something else, say --purpose sft (the field purpose)"
    message = f"the column {tag} says with {' and '.join(sorted(said))} which answers were liked"
    raise InvalidInput([Finding(("file",), message, f"for KTO write true and false, in JSON{otherwise}")])


def _first(rows: Rows, names: Sequence[str]) -> str | None:
    """The first of these columns that occurs."""
    seen = {key for row in rows for key in row}
    return next((name for name in names if name in seen), None)


def _values(rows: Rows, column: str) -> list[Any]:
    return [row[column] for row in rows if row.get(column) is not None]


def _other_than_wanted(field: str, found: str, wanted: str) -> Finding:
    hint = f"leave the {field} out, or send the file that was meant"
    return Finding((field,), f"the rows have the {found}, not {wanted}", hint)


def _unknown_layout(rows: Rows) -> Finding:
    keys = sorted({key for row in rows for key in row})[:10]
    shown = ", ".join(map(ascii, keys))
    return Finding(
        ("file",), f"the columns of the first rows ({shown}) are neither the form alpaca nor sharegpt", _KNOWN_FORMS
    )
