"""Translations of the WMT evaluations as alpaca rows: the pair of languages, and how a row is written."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from typing_extensions import Self

from packtrain.convert.languages import LANGUAGES
from packtrain.errors import Finding, InvalidInput

INSTRUCTION = "Translate the {source_language} text into {target_language}."
_PAIR = re.compile(r"([a-z]{2,3}(?:_[A-Za-z]{2,4})?)-([a-z]{2,3}(?:_[A-Za-z]{2,4})?)")


class Translation(NamedTuple):
    """A text and what it is to become."""

    source: str
    target: str

    def row(self, instruction: str) -> dict[str, str]:
        """The alpaca row."""
        return {"instruction": instruction, "input": self.source, "output": self.target}


@dataclass(frozen=True)
class Pair:
    """A direction of translation by WMT's codes: ISO 639-1, or 639-3 where there is none, perhaps with a country."""

    source: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `ja-en`. Raises InvalidInput."""
        found = _PAIR.fullmatch(text)
        if found is None:
            message = f"{text[:40]!r} is no pair of languages"
            raise InvalidInput([Finding(("pair",), message, "write it as WMT does, for example ja-en or en-de")])
        return cls(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"

    def instruction(self, template: str = INSTRUCTION) -> str:
        """The template with the names of the languages. Raises InvalidInput where a name is wanted and not known."""
        for place, code in (("{source_language}", self.source), ("{target_language}", self.target)):
            if place in template:
                template = template.replace(place, _name(code))
        return template


def absent(pair: Pair, there: set[str]) -> InvalidInput:
    """The error for a pair that a file does not hold; `there` are those that it does."""
    message = f"there is no translation {pair} in the file"
    return InvalidInput([Finding(("pair",), message, f"it holds {', '.join(sorted(there)[:60]) or 'none at all'}")])


def _name(code: str) -> str:
    name = LANGUAGES.get(code.partition("_")[0])
    if name is None:
        hint = "write it out: --instruction 'Translate the ... text into ...'"
        raise InvalidInput([Finding(("pair",), f"the name of the language {code} is not known", hint)])
    return name
