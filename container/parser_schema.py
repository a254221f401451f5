"""Runs in the training image: LLaMA-Factory's real parser as data, on standard output (see container/schema.py)."""

import dataclasses
import enum
import json
import os
import re
import types
import typing
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # LLaMA-Factory logs to standard output

from llamafactory.data.template import TEMPLATES  # noqa: E402
from llamafactory.hparams.parser import _INFER_ARGS, _TRAIN_ARGS  # noqa: E402

WORDS = {dict: "dict", list: "list", bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}
# Declared as any text, but transformers' Trainer knows these words only (trainer.py, num_input_tokens_seen).
KNOWN_LATER = {"include_num_input_tokens_seen": ["all", "non_padding", "no"]}
LONGEST_HELP = 160


def parts(hint: Any) -> Iterator[Any]:
    """The members of a union, in their order."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for part in typing.get_args(hint):
            yield from parts(part)
    else:
        yield hint


def word(part: Any) -> str | None:
    """One member of a union as the word that the schema has for it; None for what no YAML can say."""
    if typing.get_origin(part) is typing.Literal:
        return WORDS[type(typing.get_args(part)[0])]
    if isinstance(part, type) and issubclass(part, enum.Enum):
        return "str"
    return WORDS.get(typing.get_origin(part) or part)


def choices(hints: Iterable[Any]) -> list[str]:
    """The words that a literal or an enumeration among the members allows."""
    found: list[str] = []
    for part in hints:
        if typing.get_origin(part) is typing.Literal:
            found += [value for value in typing.get_args(part) if isinstance(value, str)]
        elif isinstance(part, type) and issubclass(part, enum.Enum):
            found += [member.value for member in part]
    return found


def default(field: "dataclasses.Field[Any]") -> Any:
    """The default as JSON has it."""
    made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return made.value if isinstance(made, enum.Enum) else made


def first_sentence(text: str) -> str:
    """The first sentence of a help text, on one line; of a very long one the beginning."""
    plain = " ".join(text.replace("`", "").split())
    sentence = re.split(r"(?<=[.!?]) (?=[A-Z])", plain, maxsplit=1)[0]
    return sentence if len(sentence) <= LONGEST_HELP else f"{sentence[:LONGEST_HELP].rpartition(' ')[0]} ..."


def argument(field: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:
    """One accepted argument."""
    members = list(parts(hint))
    known = {found for part in members if (found := word(part))}
    # A class of another library and nothing else (ParallelismConfig) can come from a mapping only.
    words = sorted(known if known - {"null"} else {"dict", *known}, key=list(WORDS.values()).index)
    entry: dict[str, Any] = {"type": "|".join(words), "default": default(field)}
    if allowed := KNOWN_LATER.get(field.name) or choices(members):
        entry["choices"] = allowed
    if said := field.metadata.get("help"):
        entry["help"] = first_sentence(said)
    return entry


def arguments() -> dict[str, dict[str, Any]]:
    """All of them, in the parser's order, each with the classes that have it."""
    found: dict[str, dict[str, Any]] = {}
    for owner in _TRAIN_ARGS:
        hints = typing.get_type_hints(owner)
        for field in dataclasses.fields(owner):
            if field.init:
                entry = found.setdefault(field.name, {**argument(field, hints[field.name]), "classes": []})
                entry["classes"].append(owner.__name__.removesuffix("Arguments"))
    return found


def reads_media(plugin: Any) -> bool:
    """Whether a template has a mark for images, videos or audios."""
    return any((plugin.image_token, plugin.video_token, plugin.audio_token))


def main() -> None:
    versions = {name: version(name) for name in ("llamafactory", "transformers")}
    commands = {"train": _TRAIN_ARGS, "export": _INFER_ARGS}
    parsed = {name: [owner.__name__.removesuffix("Arguments") for owner in owners] for name, owners in commands.items()}
    templates = {
        "templates": list(TEMPLATES),
        "templates_ending_once": [name for name, template in TEMPLATES.items() if template.efficient_eos],
        "templates_with_media": [name for name, template in TEMPLATES.items() if reads_media(template.mm_plugin)],
    }
    json.dump({**versions, "commands": parsed, **templates, "arguments": arguments()}, OUT)


if __name__ == "__main__":
    main()
