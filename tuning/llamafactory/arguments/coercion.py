"""Values as people write them, made into the types that LLaMA-Factory takes without asking.

LLaMA-Factory does not coerce: a quoted '8' or PyYAML's text '1e-4' reaches the trainer and fails there. Every change
of a value is told in a note, but for a whole number where a float is expected, which means the same.
"""

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tuning.llamafactory.arguments.accepted import Argument, nearest
from tuning.llamafactory.arguments.bounds import (
    MAX_ITEMS,
    MAX_TEXT_CHARACTERS,
    Bound,
    bound_of,
    is_inside,
    most_characters,
)

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_NUMBER = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
# What older versions took and people's files still say: there flash_attn was a switch.
_FORMERLY: Mapping[str, Mapping[bool, str]] = {"flash_attn": {True: "fa2", False: "auto"}}
# Words for a choice: what LLaMA-Factory does with them is what it does with the choice (it looks for "cpu" only).
_ALIKE: Mapping[str, Mapping[str, str]] = {
    "export_device": {"gpu": "auto", "cuda": "auto"},
    "quantization_method": {"bitsandbytes": "bnb"},  # its earlier name, with which today's quantizes nothing
}
_NULL = frozenset({"", "null", "none", "~"})
_MAX_INTEGER = 2**63 - 1


class Coerced(NamedTuple):
    """The value to use, what was changed, and what is wrong (then the value is the one that was given)."""

    value: Any
    note: str | None = None
    problem: str | None = None
    hint: str | None = None


def coerce(argument: Argument, value: Any) -> Coerced:
    """`value` as the type that `argument` takes, and one of its choices where it has some."""
    if value is None:
        return _coerce_null(argument)
    if isinstance(value, str) and value in argument.choices:
        return Coerced(value)
    if isinstance(value, bool) and (word := _word_for(argument, value)) is not None:
        return Coerced(word, _note(argument, value, word))
    for kind, attempt in _attempts(argument.types):
        if kind == "list" and isinstance(value, str) and "str" in argument.types:
            continue  # `report_to: wandb` is as good as a list of one
        if (found := attempt(value)) is not _NO:
            return _checked(argument, value, found)
    if "null" in argument.types and _means_nothing(value):
        return Coerced(None, f"{argument.name}: {value!r} is taken as not given")
    return _refused(argument, value)


_NO = object()


def _coerce_null(argument: Argument) -> Coerced:
    if "null" in argument.types:
        return Coerced(None)
    return Coerced(None, problem=f"{argument.name} is empty", hint=f"leave it out, or give {_expected(argument)}")


def _word_for(argument: Argument, value: bool) -> str | None:
    """The choice that a truth value stands for: `eval_strategy: no` is False by YAML's own trap."""
    formerly = _FORMERLY.get(argument.name, {}).get(value)
    return formerly or ("no" if value is False and "no" in argument.choices else None)


def _means_nothing(value: Any) -> bool:
    """`deepspeed: false`, `quantization_bit: none`."""
    return value is False or (isinstance(value, str) and value.strip().lower() in _NULL)


def _checked(argument: Argument, given: Any, value: Any) -> Coerced:
    if (outside := _outside(argument, given, value)) is not None:
        return outside
    if argument.choices and isinstance(value, str) and value not in argument.choices:
        return _choose(argument, given, value)
    return Coerced(value, _note(argument, given, value))


def _outside(argument: Argument, given: Any, value: Any) -> Coerced | None:
    """Refusal of a value that is too large, too long or too much; None for all else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        bound = bound_of(argument.name)
        return None if is_inside(bound, value) else _out_of_bounds(argument, given, bound)
    if isinstance(value, str) and len(value) > (most := most_characters(argument.name)):
        said = f"{argument.name}: a text of {len(value)} characters"
        return Coerced(given, problem=said, hint=f"at most {most}")
    if isinstance(value, list | dict) and (problem := _too_much(value)) is not None:
        return Coerced(given, problem=f"{argument.name}: {problem}", hint="give what one run can use")
    return None


def _out_of_bounds(argument: Argument, given: Any, bound: Bound) -> Coerced:
    least = max(bound.least, 0)  # what a number below 0 means, if anything, is no advice
    hint = f"give a number from {_number(least)} to {_number(bound.most)}: {bound.reason}"
    return Coerced(given, problem=f"{argument.name}: {_shown(given)} is out of any range", hint=hint)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _shown(value: Any) -> str:
    """A value as it was given; Python writes no integers of thousands of digits."""
    is_long = isinstance(value, int) and abs(value) > 10**40
    shown = f"an integer of {value.bit_length()} bits" if is_long else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _too_much(value: Any) -> str | None:
    """Complaint of too much inside a list or a mapping, at any depth; without recursion."""
    waiting, seen = [value], 0
    while waiting:
        inside = waiting.pop()
        seen += len(inside)
        if seen > MAX_ITEMS:
            return f"more than {MAX_ITEMS} values"
        items = [*inside, *inside.values()] if isinstance(inside, dict) else inside
        if (problem := next(filter(None, map(_too_large, items)), None)) is not None:
            return problem
        waiting += [item for item in items if isinstance(item, list | dict)]
    return None


def _too_large(item: Any) -> str | None:
    if isinstance(item, str) and len(item) > MAX_TEXT_CHARACTERS:
        return f"a text of {len(item)} characters"
    is_number = isinstance(item, int | float) and not isinstance(item, bool)
    return f"the number {_shown(item)} is out of any range" if is_number and not abs(item) <= _MAX_INTEGER else None


def _choose(argument: Argument, given: Any, value: str) -> Coerced:
    """`STEPS` and ` steps` are meant kindly."""
    wanted = value.strip().lower()
    wanted = _ALIKE.get(argument.name, {}).get(wanted, wanted)
    if wanted in argument.choices:
        return Coerced(wanted, _note(argument, given, wanted))
    near = nearest(wanted, argument.choices)
    meant = f"did you mean {near!r}? " if near else ""
    hint = f"{meant}one of: {', '.join(argument.choices)}"
    return Coerced(given, problem=f"{argument.name}: {_shown(given)} is not one of its choices", hint=hint)


def _note(argument: Argument, given: Any, value: Any) -> str | None:
    same = type(given) is type(value) and given == value
    if same or (isinstance(given, int) and not isinstance(given, bool) and isinstance(value, float)):
        return None
    return f"{argument.name}: {_shown(given)} is taken as {_shown(value)}"


def _refused(argument: Argument, value: Any) -> Coerced:
    quotes = "; YAML reads yes, no, on and off as true and false: quote a word" if isinstance(value, bool) else ""
    hint = f"give {_expected(argument)}{quotes}"
    return Coerced(value, problem=f"{argument.name}: {_shown(value)} does not fit", hint=hint)


def _expected(argument: Argument) -> str:
    if argument.choices:
        return f"one of: {', '.join(argument.choices)}"
    words = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
    words |= {"list": "a list of texts", "dict": "a mapping"}
    return " or ".join(word for kind, word in words.items() if kind in argument.types)


def _as_bool(value: Any) -> Any:
    word = value.strip().lower() if isinstance(value, str) else str(value).lower() if value in (0, 1) else ""
    return True if word in _TRUE else False if word in _FALSE else _NO


def _as_int(value: Any) -> Any:
    if isinstance(value, bool):
        return _NO
    if isinstance(value, int):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()) and len(value) < 40:
        return int(value)
    number = _as_float(value)
    return int(number) if number is not _NO and math.isfinite(number) and number == int(number) else _NO


def _as_float(value: Any) -> Any:
    if isinstance(value, bool):
        return _NO
    if isinstance(value, int | float):
        return float(value) if abs(value) <= _MAX_INTEGER or isinstance(value, float) else _NO
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) and len(value) < 60:
        return float(value)
    return _NO


def _as_dict(value: Any) -> Any:
    """A mapping, or the JSON text that the command line takes for one; `1e-6` inside becomes a number."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return _NO
    return _with_numbers(value) if isinstance(value, dict) and all(isinstance(key, str) for key in value) else _NO


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    is_exponent = isinstance(value, str) and "e" in value.lower() and _NUMBER.fullmatch(value)
    return float(value) if is_exponent and len(value) < 60 else value


def _as_list(value: Any) -> Any:
    """Texts as a list; where an argument takes text as well, one text stays as it is (see coerce)."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value) else _NO


def _as_text(value: Any) -> Any:
    """Text; a number meant as a name; a list of names, which LLaMA-Factory takes with commas.

    Never a truth value: whoever wrote `template: on` or `run_name: no` did not mean True and False.
    """
    if _is_name(value):
        return str(value)
    if isinstance(value, list | tuple) and value and all(_is_name(item) for item in value):
        return ",".join(str(item) for item in value)
    return _NO


def _is_name(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_INTEGER
    return isinstance(value, str) or is_number


# In this order: a type that says more is tried before one that takes nearly anything.
_ATTEMPTS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("dict", _as_dict),
    ("list", _as_list),
    ("bool", _as_bool),
    ("int", _as_int),
    ("float", _as_float),
    ("str", _as_text),
)


@functools.cache
def _attempts(types: frozenset[str]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((kind, attempt) for kind, attempt in _ATTEMPTS if kind in types)
