"""The arguments that one version of LLaMA-Factory accepts, as data.

`schemas/<version>.json` is made by `make schema` from the parser of that LLaMA-Factory in its training image: names,
types, defaults, choices, classes, templates, and the version of transformers, which half of the arguments come from.
"""

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from tuning.errors import Finding, InvalidInput

DEFAULT_VERSION = "0.9.5"


@dataclass(frozen=True)
class Argument:
    """One accepted argument."""

    name: str
    types: frozenset[str]
    """Of bool, int, float, str, list, dict, null."""
    default: Any
    choices: tuple[str, ...]
    """Empty where any value of the type will do."""
    classes: tuple[str, ...]
    """Of Model, Data, Training, Finetuning, Generating: which commands take it (export takes no Training)."""
    help: str = ""
    """LLaMA-Factory's own words about it, the first sentence; empty where its schema has none."""


@dataclass(frozen=True)
class ArgumentSchema:
    """All arguments and template names of one version."""

    version: str
    transformers: str
    commands: Mapping[str, frozenset[str]]
    """The argument classes that each command (train, export) parses."""
    arguments: Mapping[str, Argument]
    templates: tuple[str, ...]
    templates_ending_once: frozenset[str]
    """Those with one end of text for a whole conversation (efficient_eos)."""
    templates_with_media: frozenset[str] | None = None
    """Those that read images, videos or audios; None where it is not known."""

    @functools.cached_property
    def defaults(self) -> Mapping[str, Any]:
        """Default of every argument, which LLaMA-Factory takes where it is not given."""
        return {name: argument.default for name, argument in self.arguments.items()}

    @functools.cached_property
    def silent(self) -> Mapping[str, Any]:
        """A value for every argument of the newest version too: what this one has not got is as good as left out."""
        return {**load_schema().defaults, **self.defaults}

    def taken_by(self, classes: frozenset[str]) -> Mapping[str, Argument]:
        """The arguments that a command which parses these classes accepts."""
        if classes not in self._taken:
            accepted = {name: one for name, one in self.arguments.items() if not classes.isdisjoint(one.classes)}
            self._taken[classes] = accepted
        return self._taken[classes]

    @functools.cached_property
    def _taken(self) -> dict[frozenset[str], Mapping[str, Argument]]:
        return {}


@functools.cache
def load_schema(version: str = DEFAULT_VERSION) -> ArgumentSchema:
    """The schema of a LLaMA-Factory version. Raises InvalidInput for a version that packtrain does not know."""
    known = known_versions()
    if version not in known:
        message = f"LLaMA-Factory {version!r} is not known to packtrain"
        raise InvalidInput([Finding(("llamafactory_version",), message, f"known versions: {', '.join(known)}")])
    raw = json.loads((_schemas() / f"{version}.json").read_text(encoding="utf-8"))
    arguments = {name: _argument(name, entry) for name, entry in raw["arguments"].items()}
    commands = {command: frozenset(classes) for command, classes in raw["commands"].items()}
    return ArgumentSchema(
        version=version,
        transformers=raw["transformers"],
        commands=commands,
        arguments=arguments,
        templates=tuple(raw["templates"]),
        templates_ending_once=frozenset(raw["templates_ending_once"]),
        templates_with_media=frozenset(raw["templates_with_media"]) if "templates_with_media" in raw else None,
    )


@functools.cache
def known_versions() -> tuple[str, ...]:
    """The versions of LLaMA-Factory that there is a schema of, oldest first."""
    names = [entry.name.removesuffix(".json") for entry in _schemas().iterdir() if entry.name.endswith(".json")]
    return tuple(sorted(names, key=lambda name: [int(part) for part in name.split(".") if part.isdigit()]))


def versions_with(name: str) -> tuple[str, ...]:
    """The known versions that accept an argument of this name."""
    return tuple(version for version in known_versions() if name in load_schema(version).arguments)


def nearest(word: str, known: Mapping[str, Any] | tuple[str, ...] | frozenset[str]) -> str | None:
    """The word of `known` nearest to what was written, or None where nothing is near.

    Words written with other separators or case (`lora-rank`, `loraRank`) and shortened ones (`lr_scheduler`,
    `batch_size`) are found too: these are how people misremember argument names.
    """
    plain = {_plain(candidate): candidate for candidate in sorted(known)}
    wanted = _plain(word[:100])
    if not wanted:
        return None
    if close := difflib.get_close_matches(wanted, plain, n=1, cutoff=0.75):
        return plain[close[0]]
    longer = [candidate for candidate in plain if wanted in candidate and len(wanted) >= 4]
    return plain[min(longer, key=len)] if longer else None


def _schemas() -> Traversable:
    return resources.files("tuning.llamafactory") / "schemas"


def _plain(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())


def _argument(name: str, entry: Mapping[str, Any]) -> Argument:
    return Argument(
        name=name,
        types=frozenset(entry["type"].split("|")),
        default=entry["default"],
        choices=tuple(entry.get("choices", ())),
        classes=tuple(entry["classes"]),
        help=entry.get("help", ""),
    )
