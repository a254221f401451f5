"""Chats that end with the user's question, as JSON lines of questions without answers: data to predict on.

LLaMA-Factory's sharegpt reader leaves out every chat that nobody answers. Its alpaca reader takes a question with what
was said before it (`history`), and lets the model answer.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from tuning.datasets.check.issues import EXPLANATIONS
from tuning.datasets.check.read.array_rows import read_array_rows
from tuning.datasets.check.read.line_rows import read_line_rows
from tuning.datasets.check.read.rows import Fault, Rows, find_encoding
from tuning.errors import Finding, InvalidInput

_HEAD_BYTES = 64 * 1024
_ROWS_LOOKED_AT = 100
_COLUMNS = ("messages", "conversations")
_TURNS = (("role", "content"), ("from", "value"))
_USERS, _ASSISTANTS, _SYSTEM = ("user", "human"), ("assistant", "gpt", "model"), "system"
_OTHER_PURPOSES = frozenset({"chosen", "rejected", "kto_tag", "label", "tools", "images", "videos", "audios"})


def has_questions_alone(stream: BinaryIO) -> bool:
    """Whether the first rows of a seekable JSON file are chats that nobody answers; it is left at its start."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if not any(f'"{column}"'.encode() in head for column in _COLUMNS):
        return False
    rows = [row for row in islice(_rows(BytesIO(head)), _ROWS_LOOKED_AT) if not isinstance(row, Fault)]
    return bool(rows) and all(_question(row.value) is not None for row in rows)


def question_lines(stream: BinaryIO) -> Generator[bytes, None, None]:
    """A line for each row of a seekable JSON file. Raises InvalidInput at the first row that is no such chat."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for row in _rows(stream):
        if isinstance(row, Fault):
            told = EXPLANATIONS[row.reason]
            beside = f" ({row.detail})" if row.detail else ""
            raise _refused(row.number, row.line, f"{told.message}{beside}", told.hint)
        question = _question(row.value)
        if question is None:
            hint = "keep chats with an answer, to train on, and questions alone, to predict on, in files of their own"
            raise _refused(row.number, row.line, "it is no chat that ends with the user, as the first rows are", hint)
        yield encode(question).encode("utf-8", "replace") + b"\n"


def _rows(stream: BinaryIO) -> Rows:
    return read_array_rows(stream) if find_encoding(stream) == "json" else read_line_rows(stream)


def _question(row: Any) -> dict[str, Any] | None:
    """The row as it is kept; None for one that is no plain chat, or that is answered."""
    if not isinstance(row, dict) or any(row.get(name) is not None for name in _OTHER_PURPOSES):
        return None
    turns: list[Any] = next((row[column] for column in _COLUMNS if isinstance(row.get(column), list)), [])
    said = [_said(turn) for turn in turns]
    spoken = [each for each in said if each is not None]
    if len(spoken) < len(said):
        return None
    is_led = bool(spoken) and spoken[0][0] == _SYSTEM
    system = spoken[0][1] if is_led else row.get(_SYSTEM)
    return _kept(spoken[1:] if is_led else spoken, system if isinstance(system, str) else "")


def _kept(spoken: Sequence[tuple[str, str]], system: str) -> dict[str, Any] | None:
    speakers = [speaker for speaker, _ in spoken]
    in_turn = all(speaker in (_ASSISTANTS if number % 2 else _USERS) for number, speaker in enumerate(speakers))
    if len(spoken) % 2 == 0 or not in_turn:
        return None
    texts = [text for _, text in spoken]
    history = [list(pair) for pair in zip(texts[:-1:2], texts[1::2], strict=True)]
    return {"instruction": texts[-1], "history": history, "system": system}


def _said(turn: Any) -> tuple[str, str] | None:
    """Speaker and text."""
    if not isinstance(turn, Mapping):
        return None
    pairs = ((turn.get(role), turn.get(content)) for role, content in _TURNS)
    return next(((who, text) for who, text in pairs if isinstance(who, str) and isinstance(text, str)), None)


def _refused(number: int, line: int, message: str, hint: str) -> InvalidInput:
    return InvalidInput([Finding(("file", line), f"row {number} (line {line}): {message}", hint)])
