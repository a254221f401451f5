"""What is wrong with a request, in our words: pydantic's errors become findings."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from tuning.errors import Finding
from tuning.jobs.spec import JobRequest, Resources

_SIDES = frozenset({"body", "query", "path", "header"})
Models = Mapping[tuple[Any, ...], type[BaseModel]]
"""Which fields there are, by the place that has them."""
_JOB: Models = {("body",): JobRequest, ("body", "resources"): Resources}
_FORMS = {"memory": "a number and K, M, G or T, such as 64G"}


def from_pydantic(errors: Iterable[Mapping[str, Any]], models: Models = _JOB) -> list[Finding]:
    """Findings with whole places (`body`, ... first). What was sent is never among the words: it may be a secret."""
    return [_finding(error, models) for error in errors]


def placed(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of the domain with whole places: it knows no HTTP, and speaks of the body unless it says otherwise."""
    return [
        finding
        if finding.loc and finding.loc[0] in _SIDES
        else Finding(("body", *finding.loc), finding.message, finding.hint, finding.severity)
        for finding in findings
    ]


def summary(findings: Sequence[Finding]) -> str:
    """One sentence for all."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].message}{more}"


def _finding(error: Mapping[str, Any], models: Models) -> Finding:
    loc, kind = tuple(error["loc"]), error["type"]
    name = _shown(loc[-1])
    if kind == "json_invalid":
        return Finding(loc, f"this is no JSON: {error['ctx']['error']} at character {loc[-1]}")
    if kind == "extra_forbidden":
        return Finding(loc, f"there is no field {name}", _nearest(loc, models))
    if kind == "missing":
        return Finding(loc, f"{name} is missing")
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        hint = next((_FORMS[part] for part in loc if part in _FORMS), f"it must match {pattern}")
        return Finding(loc, f"{name} does not have the right form", hint)
    return Finding(loc, f"{name}: {error['msg'].removeprefix('Value error, ')}")


def _shown(key: object) -> str:
    text = str(key)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _nearest(loc: tuple[Any, ...], models: Models) -> str | None:
    model = models.get(loc[:-1])
    if model is None:
        return None
    close = difflib.get_close_matches(str(loc[-1])[:100], model.model_fields, n=1)
    return f"did you mean {close[0]}?" if close else f"the fields are {', '.join(model.model_fields)}"
