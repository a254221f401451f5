"""Names and shapes of a model's tensors, by the headers of its safetensors files or by its index alone. Pure.

A safetensors file begins with a JSON object: a dtype, a shape and two offsets for each name, and `__metadata__`. An
index (model.safetensors.index.json, pytorch_model.bin.index.json) has a `weight_map`: the file of each name.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

MOST_TENSORS = 500_000
MOST_GROUPS = 3000
_LONGEST_NAME = 300
_MOST_DIMENSIONS = 8
_NUMBER = re.compile(r"(?:^|(?<=\.))[0-9]+(?=\.|$)")


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class TensorGroup:
    """Tensors of one shape whose names differ in numbers only: the same matrix of every layer."""

    name: str
    """With a star for each number: `model.layers.*.self_attn.q_proj.weight`."""
    shape: tuple[int, ...] | None = None
    """None: only the name is known."""
    copies: int = 1

    @property
    def numbers(self) -> int:
        """Number of numbers in all of them; 0 where the shape is not known."""
        return self.copies * math.prod(self.shape) if self.shape is not None else 0


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Tensors:
    """All tensors of a model, in groups."""

    groups: tuple[TensorGroup, ...]
    dtype: str | None = None
    """That of most of the numbers, in safetensors' word (BF16, F16, F32, I8, U8, F8_E4M3, ...)."""

    @property
    def parameters(self) -> int | None:
        """Number of all weights; None where a shape is not known."""
        is_whole = all(group.shape is not None for group in self.groups)
        return sum(group.numbers for group in self.groups) if is_whole else None


def read_tensors(headers: Sequence[bytes], index: bytes | None) -> Tensors | None:
    """The tensors that the headers tell of, where these are all of the index's; else the index's names alone.

    None where there is nothing that can be read.
    """
    shapes = _joined(headers)
    named = _names(index)
    if shapes and (named is None or named <= shapes.keys()):
        kept = shapes if named is None else {name: shapes[name] for name in named}
        return _grouped(kept)
    return _grouped(dict.fromkeys(named or ())) if named else None


def _joined(headers: Sequence[bytes]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Empty where one of them cannot be read."""
    joined: dict[str, tuple[str, tuple[int, ...]]] = {}
    for header in headers:
        entries = _object(header)
        if entries is None or len(joined) + len(entries) > MOST_TENSORS:
            return {}
        joined |= {name: said for name, entry in entries.items() if (said := _entry(name, entry)) is not None}
    return joined


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...]] | None:
    if not _is_name(name) or not isinstance(entry, dict):
        return None
    dtype, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(dtype, str) or not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        return None
    if not all(type(size) is int and 0 <= size < 2**40 for size in shape) or math.prod(shape) >= 2**50:
        return None
    return dtype[:20], tuple(shape)


def _names(index: bytes | None) -> frozenset[str] | None:
    entries = _object(index) if index else None
    mapped = entries.get("weight_map") if entries else None
    if not isinstance(mapped, dict) or not 0 < len(mapped) <= MOST_TENSORS:
        return None
    return frozenset(name for name in mapped if _is_name(name))


def _is_name(name: str) -> bool:
    return name != "__metadata__" and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def _object(text: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _grouped(shapes: Mapping[str, tuple[str, tuple[int, ...]] | None]) -> Tensors | None:
    """None where there are more groups than any model has."""
    keys = ((_NUMBER.sub("*", name), said[1] if said else None) for name, said in shapes.items())
    counts = Counter(keys)
    if not counts or len(counts) > MOST_GROUPS:
        return None
    groups = tuple(TensorGroup(name, shape, copies) for (name, shape), copies in counts.items())
    return Tensors(groups, _usual_dtype(said for said in shapes.values() if said))


def _usual_dtype(said: Iterable[tuple[str, tuple[int, ...]]]) -> str | None:
    numbers: Counter[str] = Counter()
    for dtype, shape in said:
        numbers[dtype] += math.prod(shape)
    return numbers.most_common(1)[0][0] if numbers else None
