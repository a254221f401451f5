"""LLaMA-Factory's chat templates as data: the pieces of text that each writes around a turn.

The data are read in the training image by `make templates`; rendering.py writes conversations with them.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tuning.errors import Finding, InvalidInput
from tuning.llamafactory.arguments.accepted import DEFAULT_VERSION, nearest


@dataclass(frozen=True)
class Template:
    """One of LLaMA-Factory's, by the pieces that it writes around what is said."""

    name: str
    kind: str
    """Llama2Template: the system text stands within the first question. *ReasoningTemplate: thoughts come first."""
    slots: Mapping[str, tuple[Any, ...]]
    default_system: str
    thought_words: tuple[str, str]
    ends_lazily: bool
    """efficient_eos: the end of a turn is learned and not written, but for the last one."""
    own_eos: str | None
    """The token that takes the place of the tokenizer's end token."""
    stop_words: tuple[str, ...]
    """Tokens that end a turn; LLaMA-Factory makes them tokens where they are none."""
    function_format: str | None
    is_multimodal: bool

    @property
    def is_reasoning(self) -> bool:
        """An answer without thoughts gets empty ones."""
        return self.kind.endswith("ReasoningTemplate")


@functools.cache
def load_templates(version: str = DEFAULT_VERSION) -> Mapping[str, Template]:
    """All templates of a LLaMA-Factory version, by name."""
    file = resources.files("tuning.llamafactory") / "schemas" / "templates" / f"{version}.json"
    raw = json.loads(file.read_text(encoding="utf-8"))["templates"]
    return {name: _template(name, kind) for name, kind in raw.items()}


def find_template(name: str, version: str = DEFAULT_VERSION) -> Template:
    """A template. Raises InvalidInput, with the nearest name."""
    known = load_templates(version)
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else "such as llama3, qwen or phi"
        raise InvalidInput([Finding(("template",), f"LLaMA-Factory {version} has no template {name[:80]!r}", hint)])
    return known[name]


def _template(name: str, raw: Mapping[str, Any]) -> Template:
    formats = ("prefix", "system", "user", "assistant", "function", "observation")
    return Template(
        name=name,
        kind=raw["class"],
        slots={kind: tuple(raw[kind]) for kind in formats},
        default_system=raw["default_system"],
        thought_words=tuple(raw["thought_words"]),
        ends_lazily=raw["efficient_eos"],
        own_eos=raw["stop_words"][0] if raw["replace_eos"] else None,
        stop_words=tuple(raw["stop_words"]),
        function_format=raw["function_format"],
        is_multimodal=raw["plugin"] != "BasePlugin",
    )
