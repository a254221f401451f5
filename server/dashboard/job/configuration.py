"""Configuration of a run beside that which was asked for: what packtrain added, changed, or left out. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from tuning.errors import InvalidInput
from tuning.llamafactory.config.yaml_text import parse_yaml

_MOST_KEPT = 100
"""Texts of 64 kB at most."""


class Origin(StrEnum):
    """Origin of a value."""

    GIVEN = "given"
    ADDED = "added"
    CHANGED = "changed"
    LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Setting:
    """An argument of LLaMA-Factory: its value in the run, and the value that was asked for."""

    name: str
    value: str
    origin: Origin
    given: str = ""
    """The value that was asked for, if it was another one."""


def settings_of(given: Mapping[str, Any], config_yaml: str | None = None) -> Sequence[Setting]:
    """The arguments of a run, those that were asked for first; these alone where there is no text that can be read."""
    try:
        final = _arguments(config_yaml or "")
    except InvalidInput:
        final = given
    asked = [_asked(name, value, final) for name, value in given.items()]
    added = [Setting(name, _words(value), Origin.ADDED) for name, value in final.items() if name not in given]
    return [*asked, *added]


@lru_cache(maxsize=_MOST_KEPT)
def _arguments(config_yaml: str) -> Mapping[str, Any]:
    """Of a text; kept, since a page is rendered anew at each event, and to read a text takes longer than the rest."""
    return MappingProxyType(parse_yaml(config_yaml))


def _asked(name: str, value: Any, final: Mapping[str, Any]) -> Setting:
    given = _words(value)
    if name not in final:
        return Setting(name, given, Origin.LEFT_OUT)
    words = _words(final[name])
    return Setting(name, words, Origin.GIVEN) if words == given else Setting(name, words, Origin.CHANGED, given)


def _words(value: Any) -> str:
    """A value as YAML would show it in one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
