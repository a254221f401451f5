"""Rows with the same keys and types: read many at a time, and seen column by column.

msgspec makes objects of JSON whose types are known, without a dict for each, and refuses what has another key or type
(1.0 is no whole number).
The last one wins of two equal keys; so what it reads is taken only where no key can be there twice. The training image
has no msgspec: there each row is read by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any

try:
    import msgspec
except ImportError:  # the training image
    msgspec = None  # type: ignore[assignment]

Types = Mapping[str, type]
"""The types of an object's values by their keys: text, whole number, true or false, null, or a list of objects."""

_BETWEEN_LINES = b"],\n["
"""What stands between two lines, each of which is put into brackets of its own."""


@dataclass(frozen=True)
class Shape:
    """The keys and types of some objects."""

    types: Types
    items: Mapping[str, Types]
    """Of each list: those of the objects in it, none of which has a list."""


class AlikeRows:
    """Some objects of one shape."""

    def __init__(self, shape: Shape, objects: Sequence[Any]) -> None:
        self._objects, self._shape = objects, shape
        self._columns: dict[str, Sequence[Any]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def keys(self) -> int:
        """Number of keys of all objects together, with those in their lists."""
        return len(self) * len(self._shape.types) + sum(items.keys() for items in self._lists.values())

    def width(self) -> int:
        """Number of keys of each object."""
        return len(self._shape.types)

    def type_of(self, key: str | None) -> type | None:
        """Type of all values under this key; None where the objects have no such key."""
        return self._shape.types.get(key) if key is not None else None

    def column(self, key: str) -> Sequence[Any]:
        """Values of all objects under a key."""
        if key not in self._columns:
            self._columns[key] = list(map(attrgetter(_field(self._shape.types, key)), self._objects))
        return self._columns[key]

    def items(self, key: str) -> "AlikeRows":
        """The objects of all lists under a key, one after the other."""
        return self._lists[key]

    def count(self, sign: str) -> int:
        """Number of times that a character occurs in their texts, those in their lists included."""
        texts = (self.column(key) for key, kind in self._shape.types.items() if kind is str)
        return sum("".join(column).count(sign) for column in texts) + sum(
            items.count(sign) for items in self._lists.values()
        )

    @cached_property
    def _lists(self) -> dict[str, "AlikeRows"]:
        return {
            key: AlikeRows(Shape(types, {}), list(chain.from_iterable(self.column(key))))
            for key, types in self._shape.items.items()
        }


class AlikeReader:
    """Reads lines of one shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._decoder = None if msgspec is None else msgspec.json.Decoder(list[tuple[_struct(shape)]])  # type: ignore[misc]

    def read(self, block: bytes) -> AlikeRows | None:
        """The objects of some whole lines, one each; None where it is not certain that they are just these."""
        if self._decoder is None:
            return None
        try:
            rows = AlikeRows(self.shape, _decoded(self._decoder, block))
        except (ValueError, RecursionError):
            return None
        return rows if _has_no_key_twice(block, rows) else None


def _decoded(decoder: Any, block: bytes) -> Sequence[Any]:
    """Its objects, of which each line must be one. Raises ValueError.

    By itself msgspec would also take two objects from a line, and one from two lines; so each line is put into brackets
    of its own. Behind them the line still ends: nowhere but between two of the outer list's items do these brackets
    and that end go together, and where there are as many items as lines, no line brought such brackets along.
    """
    lines = block.removesuffix(b"\n")
    apart = lines.replace(b"\n", _BETWEEN_LINES)
    items = decoder.decode(b"[[%b]]" % apart)
    if (len(items) - 1) * (len(_BETWEEN_LINES) - 1) != len(apart) - len(lines):
        raise ValueError("a line has several objects")
    return list(chain.from_iterable(items))


def _has_no_key_twice(block: bytes, rows: AlikeRows) -> bool:
    r"""Behind each key is a colon: there are no more keys than colons outside of texts.

    A text's own colon might be written as `\u003a`, which is none in the block.
    """
    more = block.count(b":") - rows.keys()
    if more and b"\\" in block and b"\\u003" in block:  # one byte is sought ten times as fast as several
        return False
    return more == 0 or more == rows.count(":")


def _struct(shape: Shape) -> Any:
    lists = {key: list[_struct(Shape(types, {}))] for key, types in shape.items.items()}  # type: ignore[misc]
    fields = [
        (_field(shape.types, key), lists.get(key, kind), msgspec.field(name=key)) for key, kind in shape.types.items()
    ]
    return msgspec.defstruct("Object", fields, forbid_unknown_fields=True, gc=False)


def _field(types: Types, key: str) -> str:
    """A name in Python for any key."""
    return f"at_{list(types).index(key)}"
