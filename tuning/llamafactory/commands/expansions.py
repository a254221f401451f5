"""Changes to the values of a shell's variables: `${X%.*}`, `${X##*/}`, `${X//a/b}`, `${X:0:8}`, `${X^^}`. Pure."""

import re
from collections.abc import Iterator

MAX_VALUE_CHARACTERS = 1000
MAX_PATTERN_CHARACTERS = 100
_MOST_STARS = 3
"""Each makes the search longer by the length of the value."""
_SLICE = re.compile(r":\s*(?P<begin>[0-9]{1,4})(?:\s*:\s*(?P<length>[0-9]{1,4}))?\s*")
_CUT = re.compile(r"(?P<mark>##?|%%?)(?P<pattern>.*)", re.DOTALL)
# behind `//` the pattern may begin with a slash: ${X////_}
_REPLACED = re.compile(r"/(?P<mark>/(?=/)|[/#%]?)(?P<pattern>(?:(?<=//)/)?(?:\\.|[^\\/])*)(?:/(?P<by>.*))?", re.DOTALL)
_LETTERS = {"^^": str.upper, ",,": str.lower}
_NOT_PLAIN = re.compile(r"[$`'\"&]")
"""Values and quotes inside a pattern, and what newer shells put in the place of `&`."""
_PART = re.compile(r"\\(?P<escaped>.)|\[(?P<not>[!^]?)(?P<set>\]?[^]\[\\]*)\]|(?P<one>.)", re.DOTALL)


def changed(value: str, change: str) -> str | None:
    """The value of `${X...}`, where `...` is `change` and X has `value`; None for what is not read."""
    if len(value) > MAX_VALUE_CHARACTERS or len(change) > MAX_PATTERN_CHARACTERS or _NOT_PLAIN.search(change):
        return None
    if change in _LETTERS:
        return _LETTERS[change](value)
    if found := _SLICE.fullmatch(change):
        begin = int(found["begin"])
        return value[begin:] if found["length"] is None else value[begin : begin + int(found["length"])]
    if found := _CUT.fullmatch(change):
        return _cut(value, found["mark"], found["pattern"])
    if found := _REPLACED.fullmatch(change):
        return _replaced(value, found)
    return None


def sliced(values: tuple[str, ...], change: str) -> tuple[str, ...] | None:
    """The elements of `${A[@]:1:2}`; None for what is not read."""
    found = _SLICE.fullmatch(change)
    if found is None:
        return None
    begin = int(found["begin"])
    return values[begin:] if found["length"] is None else values[begin : begin + int(found["length"])]


def _cut(value: str, mark: str, pattern: str) -> str | None:
    """Without the shortest or longest beginning (`#`, `##`) or end (`%`, `%%`) that matches."""
    whole = _compiled(pattern)
    if whole is None:
        return None
    lengths = range(len(value) + 1) if len(mark) == 1 else range(len(value), -1, -1)
    is_end = mark[0] == "%"
    for length in lengths:
        part = value[len(value) - length :] if is_end else value[:length]
        if whole.fullmatch(part):
            return value[: len(value) - length] if is_end else value[length:]
    return value


def _replaced(value: str, found: re.Match[str]) -> str | None:
    mark, pattern = found["mark"], found["pattern"]
    by = re.sub(r"\\(.)", r"\1", found["by"] or "", flags=re.DOTALL)
    whole = _compiled(pattern, before="^" if mark == "#" else "", end=mark == "%")
    if whole is None or (not pattern and mark not in ("#", "%")):
        return None if pattern else value
    return whole.sub(
        lambda part: by if part[0] or not (pattern and value) else "", value, count=0 if mark == "/" else 1
    )


def _compiled(pattern: str, *, before: str = "", end: bool = False) -> re.Pattern[str] | None:
    """A shell pattern as a regular expression; None where it would take long, or is none."""
    if pattern.count("*") > _MOST_STARS:
        return None
    try:
        return re.compile(before + "".join(_parts(pattern)) + (r"\Z" if end else ""), re.DOTALL)
    except re.error:
        return None  # a range the wrong way round, `[z-a]`


def _parts(pattern: str) -> Iterator[str]:
    for found in _PART.finditer(pattern):
        if found["escaped"] is not None:
            yield re.escape(found["escaped"])
        elif found["set"]:
            inside = found["set"].replace("]", r"\]")
            yield f"[{'^' if found['not'] else ''}{inside}]"
        else:
            yield {"*": ".*", "?": "."}.get(found[0], re.escape(found[0]))
