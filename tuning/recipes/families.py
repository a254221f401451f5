"""Families of models that are written for alike: which template a model wants, told from its name and config.json."""

import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class Family:
    """Models with the same template and the same names of layers."""

    name: str
    title: str
    names: re.Pattern[str]
    """Found in the last part of a model's name, in small letters."""
    model_types: frozenset[str]
    """What `model_type` in config.json may be."""
    decides: frozenset[str]
    """Those of them that are enough where the name says nothing."""
    template: str
    also: tuple[str, ...]
    """Templates that fit as well: those of a model that thinks, for data without thoughts."""
    thinks: bool
    """It writes its thoughts before the answer, always or unless told not to."""
    modules: tuple[str, ...]
    """The linear layers that an adapter is put on (`lora_target`)."""

    def takes(self, template: str) -> bool:
        """Whether a template fits its models."""
        return template == self.template or template in self.also


@functools.cache
def families() -> tuple[Family, ...]:
    """All of them; the first whose name fits is meant."""
    text = (resources.files("tuning.recipes") / "families.yaml").read_text(encoding="utf-8")
    return tuple(_family(**raw) for raw in yaml.safe_load(text))


@functools.lru_cache(maxsize=1000)
def family_of(model_name: str, model_type: str | None = None) -> Family | None:
    """The family of a model by its name or path and, where known, `model_type` of its config.json.

    None where neither tells it, and where the two do not agree: a name is what somebody gave to a folder.
    """
    last = re.split(r"[/\\]", model_name.rstrip("/\\"))[-1].lower()
    for family in families():
        if family.names.search(last):
            return family if model_type is None or model_type in family.model_types else _by_type(model_type)
    return _by_type(model_type)


def _by_type(model_type: str | None) -> Family | None:
    return next((family for family in families() if model_type in family.decides), None)


def _family(
    *,
    names: str,
    model_types: list[str],
    modules: list[str],
    decides: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    thinks: bool = False,
    **texts: Any,
) -> Family:
    return Family(
        names=re.compile(rf"(?<![a-z0-9])(?:{names})"),
        model_types=frozenset(model_types),
        modules=tuple(modules),
        decides=frozenset(decides),
        also=tuple(also),
        thinks=thinks,
        **texts,
    )
