"""One line of JSON, decoded in two ways: exactly, and quickly where nothing can be doubtful.

The standard library's decoder says what is wrong and where, and can be told to refuse what LLaMA-Factory's reader does.
msgspec is several times as fast, but the last one wins of two equal keys; so what it reads is taken only where there
can be none. The training image has no msgspec: there, and where there is a doubt, a line is decoded exactly.
"""

from collections import Counter
from json import JSONDecoder
from typing import Any

from tuning.datasets.check.issues import Reason
from tuning.datasets.check.read.rows import RefusedJson, read_constant, refuse_lone_surrogate

try:
    from msgspec.json import decode as _loads
except ImportError:  # the training image
    _loads = None  # type: ignore[assignment]

_MAX_DEPTH = 16
_ONLY_TEXT = frozenset({str})


def decode_exactly(raw: bytes) -> Any:
    """The value. Raises UnicodeDecodeError, ValueError (RefusedJson among them) or RecursionError."""
    text = raw.decode()
    value = _decode(text)
    refuse_lone_surrogate(text, value)
    return value


def decode_quickly(raw: bytes) -> dict[str, Any] | None:
    """The object, if it is certain that decode_exactly gives the same; else None.

    Every key is followed by a colon. With no white space in between, a line has as many keys as it has `":`, unless the
    same stands in a text: then there seem to be more, and the line is decoded exactly. So is one in which fewer keys
    were found: two were equal.
    """
    if _loads is None:
        return None
    try:
        value = _loads(raw)
    except (ValueError, RecursionError):
        return None
    if type(value) is not dict or b" :" in raw or b"\t:" in raw or b"\r:" in raw:
        return None
    try:
        keys = _count_keys(value, _MAX_DEPTH)
    except _DoubtfulError:
        return None
    return value if keys == raw.count(b'":') else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key is said twice: pyarrow, which reads lines, ends the job there; pandas does not."""
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise RefusedJson(Reason.DUPLICATE_KEY, ascii(twice)[:80])
    return found


_decode = JSONDecoder(object_pairs_hook=_object, parse_constant=read_constant).decode


class _DoubtfulError(Exception):
    """A fraction, which may have been a whole number, or more levels than one wants to look through."""


def _count_keys(value: dict[str, Any], depth: int) -> int:
    if not depth:
        raise _DoubtfulError
    count = len(value)
    for item in value.values():
        kind = type(item)
        if kind is str:
            continue
        if kind is list:
            count += _count_keys_of_items(item, depth - 1)
        elif kind is dict:
            count += _count_keys(item, depth - 1)
        elif kind is float:
            raise _DoubtfulError
    return count


def _count_keys_of_items(items: list[Any], depth: int) -> int:
    if not depth:
        raise _DoubtfulError
    count = 0
    for item in items:
        kind = type(item)
        if kind is dict:
            # most are turns of a chat: nothing but texts
            count += len(item) if _ONLY_TEXT.issuperset(map(type, item.values())) else _count_keys(item, depth - 1)
        elif kind is list:
            count += _count_keys_of_items(item, depth - 1)
        elif kind is float:
            raise _DoubtfulError
    return count
