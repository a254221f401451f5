"""The form of every error answer: RFC 9457, `application/problem+json`."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from tuning.errors import Finding

MEDIA_TYPE = "application/problem+json"


class ProblemError(BaseModel):
    """One thing that is wrong in a request."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, and the way down from there.")
    message: str
    hint: str | None = Field(default=None, description="What to do about it.")


class Problem(BaseModel):
    """An error answer."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: list[ProblemError] | None = Field(default=None, description="Each thing that is wrong, where input is.")


def problem(
    status: int,
    detail: str,
    *,
    hint: str | None = None,
    findings: Iterable[Finding] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error answer; escaped to ASCII, so that not even a lone surrogate of the request can break it."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if hint is not None:
        body["hint"] = hint
    if findings is not None:
        body["errors"] = [_error(finding) for finding in findings]
    return Response(json.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, as its `responses` states them in the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def finding_json(finding: Finding) -> ProblemError:
    """A finding as the API shows it."""
    return ProblemError(loc=list(finding.loc), message=finding.message, hint=finding.hint)


def _error(finding: Finding) -> dict[str, Any]:
    return {"loc": list(finding.loc), "message": finding.message, "hint": finding.hint}
