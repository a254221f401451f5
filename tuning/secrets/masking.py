"""Secrets that a run printed, taken out of what is shown of it. Pure."""

import re
from collections.abc import Iterable, Mapping

from tuning.secrets.service import SECRET_NAME

MASK = "***"
_LEAST_CHARACTERS = 4
"""A shorter one stands in every other word: with it masked nothing could be read."""
# What services' keys look like, whoever has them: Hugging Face's, and whatever follows "Bearer".
_SHAPES = re.compile(r"\bhf_[A-Za-z0-9]{20,}\b|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}")


def mask(text: str, values: Iterable[str]) -> str:
    """The text without these values, and without what looks like a key."""
    for part in sorted({part for value in values for part in _parts(value)}, key=len, reverse=True):
        text = text.replace(part, MASK)
    return _SHAPES.sub(MASK, text)


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """The values of an environment that are secrets by their names."""
    return [value for name, value in environment.items() if re.fullmatch(SECRET_NAME, name)]


def _parts(value: str) -> list[str]:
    """A value and each of its lines: a log shows a key of several lines line by line."""
    return [part for part in {value, *value.splitlines()} if len(part) >= _LEAST_CHARACTERS]
