"""Data files for tests."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from tuning.datasets.check.run import CheckedFile, validate
from tuning.errors import InvalidInput


def alpaca(**values: Any) -> dict[str, Any]:
    """A good alpaca row, with other values where they are given."""
    return {"instruction": "Translate into English.", "input": "雨です。", "output": "It is raining.", **values}


def sharegpt(*turns: tuple[Any, Any], **values: Any) -> dict[str, Any]:
    """A sharegpt row of (speaker, text) turns; without any a good one."""
    spoken = turns or (("human", "Good morning."), ("gpt", "Good morning! How can I help?"))
    return {"conversations": [{"from": speaker, "value": text} for speaker, text in spoken], **values}


def messages(*turns: tuple[Any, Any], **values: Any) -> dict[str, Any]:
    """A row of OpenAI's messages; without any a good one."""
    spoken = turns or (("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi!"))
    return {"messages": [{"role": speaker, "content": text} for speaker, text in spoken], **values}


def weighted(*weights: int | None, **values: Any) -> dict[str, Any]:
    """A row of OpenAI's messages with answers of these weights; None = it says none."""
    turns = []
    for number, weight in enumerate(weights):
        said = {} if weight is None else {"weight": weight}
        turns += [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": f"a{number}", **said}]
    return {"messages": turns, **values}


def ranked(**values: Any) -> dict[str, Any]:
    """A good alpaca row of two answers."""
    return {"instruction": "Greet me.", "chosen": "Good morning!", "rejected": "What?", **values}


def ranked_chat(*turns: tuple[Any, Any], **values: Any) -> dict[str, Any]:
    """A sharegpt row of two answers; without turns and other values a good one."""
    answers = {"chosen": {"from": "gpt", "value": "Hi!"}, "rejected": {"from": "gpt", "value": "What?"}}
    return sharegpt(*(turns or (("human", "Hello"),)), **{**answers, **values})


def liked(**values: Any) -> dict[str, Any]:
    """A good alpaca row of KTO."""
    return alpaca(**{"kto_tag": True, **values})


def liked_chat(*turns: tuple[Any, Any], **values: Any) -> dict[str, Any]:
    """A sharegpt row of KTO; without turns and other values a good one."""
    return sharegpt(*turns, **{"kto_tag": True, **values})


def said(role: Any, content: Any) -> dict[str, Any]:
    """One message of sharegpt."""
    return {"from": role, "value": content}


def as_lines(rows: Sequence[Any]) -> bytes:
    """A file with one row a line."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_array(rows: Sequence[Any]) -> bytes:
    """A file that is one array, indented as people write it."""
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


def check(content: bytes) -> CheckedFile:
    """Validate these bytes."""
    return validate(BytesIO(content))


def refusal(content: bytes) -> list[str]:
    """The messages with which these bytes are refused; empty when they are not."""
    try:
        check(content)
    except InvalidInput as error:
        return [finding.message for finding in error.findings]
    return []


class Trickling(BytesIO):
    """Reads come in small pieces."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        """Never more than that."""
        return super().read(min(size or self._size, self._size))
