"""Validation errors of pydantic as findings in our words."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel

from tuning.errors import Finding

MOST_FINDINGS = 50
"""Of one answer: a body of a thousand wrong fields is not explained field by field."""
_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
_LONGEST_NAME = 80
_SIDES = frozenset({"body", "query", "path", "header"})
_TAG_KEY = "letters without accents, digits, _ . and -, 64 at most"
_FORMS = {
    "memory": "a number and K, M, G or T, such as 64G",
    "tags": f"a tag's key is of {_TAG_KEY}; its value may be any text",
    "tag": f"key:value, such as team:mt; the key is of {_TAG_KEY}",
}


def from_pydantic(errors: Sequence[Mapping[str, Any]], body: type[BaseModel] | None) -> list[Finding]:
    """Findings with whole places (`body`, ... first), for a body of this model.

    What was sent is never among the words: it may be a secret.
    """
    return _bounded(_finding(error, body) for error in errors)


def placed(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of the domain with whole places: it knows no HTTP, and speaks of the body unless it says otherwise."""
    return _bounded(
        finding
        if finding.loc and finding.loc[0] in _SIDES
        else Finding(("body", *finding.loc), finding.message, finding.hint, finding.severity)
        for finding in findings
    )


def summary(findings: Sequence[Finding]) -> str:
    """One sentence for all."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].message}{more}"


def _bounded(findings: Iterator[Finding]) -> list[Finding]:
    """The first of them, with places of bounded length; whether there are more is told by a last one."""
    kept = [_with_short_place(finding) for finding in islice(findings, MOST_FINDINGS)]
    if next(findings, None) is not None:
        more = f"there is more that is wrong: the first {MOST_FINDINGS} findings are told"
        kept.append(Finding(("body",), more, "correct these first", kept[0].severity))
    return kept


def _with_short_place(finding: Finding) -> Finding:
    loc = tuple(_shown(part) if isinstance(part, str) else part for part in finding.loc)
    return finding if loc == finding.loc else Finding(loc, finding.message, finding.hint, finding.severity)


def _finding(error: Mapping[str, Any], body: type[BaseModel] | None) -> Finding:
    loc, kind = tuple(error["loc"]), error["type"]
    # of a list the name, not the number of the item; of a key itself the key
    name = _shown(next((part for part in reversed(loc) if isinstance(part, str) and part != "[key]"), loc[-1]))
    if kind == "json_invalid":
        return Finding(loc, f"this is no JSON: {error['ctx']['error']} at character {loc[-1]}")
    if kind == "extra_forbidden":
        return Finding(loc, f"there is no field {name}", _nearest(loc, body))
    if kind in _NO_OBJECT and loc == ("body",):
        hint = "send a JSON object, and the header Content-Type: application/json"
        return Finding(loc, "the body is no JSON object", hint)
    if kind == "missing":
        return Finding(loc, f"{name} is missing")
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        hint = next((_FORMS[part] for part in loc if part in _FORMS), f"it must match {pattern}")
        return Finding(loc, f"{name} does not have the right form", hint)
    return Finding(loc, f"{name}: {error['msg'].removeprefix('Value error, ')}")


def _shown(key: object) -> str:
    text = str(key)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _nearest(loc: tuple[Any, ...], body: type[BaseModel] | None) -> str | None:
    """A hint at the fields that there are at this place of this body, and at no others."""
    model = _model_at(body, loc[1:-1]) if loc[0] == "body" else None
    if model is None:
        return None
    close = difflib.get_close_matches(str(loc[-1])[:100], model.model_fields, n=1)
    return f"did you mean {close[0]}?" if close else f"the fields are {', '.join(model.model_fields)}"


def _model_at(model: type[BaseModel] | None, path: Sequence[Any]) -> type[BaseModel] | None:
    for part in path:
        field = model.model_fields.get(str(part)) if model is not None else None
        model = model_of(field.annotation) if field is not None else None
    return model


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a field: `Model`, or the one of `Model | None`."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
