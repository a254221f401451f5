"""Validation errors of pydantic as findings in our words."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel

from tuning.errors import Finding

MOST_FINDINGS = 50
"""Of one answer: a body of a thousand wrong fields is not explained field by field."""
_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
_LONGEST_NAME = 80
_QUOTED = re.compile("'([^']*)'")
_SIDES = frozenset({"body", "query", "path", "header"})
_JOB_IDS, _TAG_KEY = "ids of jobs, as `GET /jobs` shows them (job_...)", "any letters but a colon, in one line"
_FORMS = {
    "Idempotency-Key": "ASCII without spaces",
    "datasets": "ids of data sets, as `GET /datasets` shows them (ds_...)",
    "depends_on": _JOB_IDS,
    "environment": "names are of capital letters, digits and _, such as WANDB_PROJECT",
    "memory": "a number and K, M, G or T, such as 64G; 0 = all that the nodes have",
    "partition": "letters from a to z, digits and . _ @ + -; of several with commas (gpu,long) whichever starts first",
    "secrets": "capital letters, digits and _, such as WANDB_API_KEY",
    "source_job": _JOB_IDS,
    "tags": f"a tag's key is of {_TAG_KEY}, 64 at most; its value may be any text up to 512",
    "tag": f"key:value, such as team:mt; the key is of {_TAG_KEY}, 64 at most",
}
"""Of fields, in words: a pattern tells most people nothing."""
_FORMS_OF_TEXTS = {
    "memory": 'a text with its unit, such as "64G"; a bare number is of megabytes: "65536"',
    "time_limit": 'a text: "60" is an hour (minutes), "08:00:00" eight, "1-00:00:00" a day',
}
"""Of those that people give as numbers."""
_PATTERNS = {
    r"^[^\x00-\x1f\x7f]*$": "leave out line breaks and other control characters",
    "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$": "letters from a to z, digits and . _ @ + -, at most 100 of them",
}
_A_KEY = "[key]"
"""pydantic's word for a key of an object that does not have the right form."""


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
    name = _name(loc)
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
        return Finding(loc, f"{name} does not have the right form", _form(loc, error["ctx"]["pattern"]))
    return _of_a_value(loc, name, error)


def _of_a_value(loc: tuple[Any, ...], name: str, error: Mapping[str, Any]) -> Finding:
    known = _QUOTED.findall(str(error.get("ctx", {}).get("expected", "")))
    if error["type"] not in ("enum", "literal_error") or not known:
        hint = _FORMS_OF_TEXTS.get(str(loc[-1])) if error["type"] == "string_type" else None
        return Finding(loc, f"{name}: {error['msg'].removeprefix('Value error, ')}", hint)
    close = difflib.get_close_matches(str(error.get("input"))[:100], known, n=1)
    return Finding(loc, f"{name} must be {_either(known)}", f"did you mean {close[0]}?" if close else None)


def _name(loc: Sequence[Any]) -> str:
    """A place in a word: `status`, `datasets[0]`, a tag's key."""
    last, before = loc[-1], loc[-2] if len(loc) > 1 else None
    if last == _A_KEY:
        return _shown(before)
    if isinstance(last, int) and isinstance(before, str) and before not in _SIDES:
        return _shown(before) if loc[0] in ("query", "header") else f"{_shown(before)}[{last}]"
    return _shown(last)


def _either(known: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))


def _form(loc: Sequence[Any], pattern: str) -> str:
    said = next((_FORMS[part] for part in reversed(loc) if part in _FORMS), None)
    return said or _PATTERNS.get(pattern, f"it must match {pattern}")


def _shown(key: object) -> str:
    text = str(key)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _nearest(loc: tuple[Any, ...], body: type[BaseModel] | None) -> str | None:
    """A hint at the fields that there are at this place of this body, and at no others."""
    model = _model_at(body, loc[1:-1]) if loc[0] == "body" else None
    if model is None:
        return None
    names = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(str(loc[-1])[:100], names, n=1)
    return f"did you mean {close[0]}?" if close else f"the fields are {', '.join(names)}"


def _model_at(model: type[BaseModel] | None, path: Sequence[Any]) -> type[BaseModel] | None:
    for part in path:
        field = model.model_fields.get(str(part)) if model is not None else None
        model = model_of(field.annotation) if field is not None else None
    return model


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a field: `Model`, or the one of `Model | None`."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
