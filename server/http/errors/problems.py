"""The form of every error answer: RFC 9457, `application/problem+json`; beneath `/v1` OpenAI's envelope."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.http.errors.openai_errors import is_openai_path, openai_error
from tuning.errors import Finding

MEDIA_TYPE = "application/problem+json"


class ProblemCode(StrEnum):
    """Kinds of refusals and failures: a closed list for programs, whose words for people may change."""

    BAD_REQUEST = "bad_request"
    NOT_AUTHENTICATED = "not_authenticated"
    NOT_ALLOWED = "not_allowed"
    CSRF_REFUSED = "csrf_refused"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    QUERY_TOO_LONG = "query_too_long"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    INVALID = "invalid"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVER_FAILED = "server_failed"
    CLUSTER_FAILED = "cluster_failed"
    UNAVAILABLE = "unavailable"
    DATABASE_UNAVAILABLE = "database_unavailable"
    CLUSTER_UNAVAILABLE = "cluster_unavailable"
    STORAGE_FULL = "storage_full"


_CODES: Mapping[int, ProblemCode] = {
    400: ProblemCode.BAD_REQUEST,
    401: ProblemCode.NOT_AUTHENTICATED,
    403: ProblemCode.NOT_ALLOWED,
    404: ProblemCode.NOT_FOUND,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    408: ProblemCode.REQUEST_TIMEOUT,
    409: ProblemCode.CONFLICT,
    413: ProblemCode.TOO_LARGE,
    414: ProblemCode.QUERY_TOO_LONG,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    416: ProblemCode.RANGE_NOT_SATISFIABLE,
    422: ProblemCode.INVALID,
    429: ProblemCode.TOO_MANY_REQUESTS,
    500: ProblemCode.SERVER_FAILED,
    502: ProblemCode.CLUSTER_FAILED,
    503: ProblemCode.UNAVAILABLE,
    507: ProblemCode.STORAGE_FULL,
}
"""Of a status that says all; what a status leaves open is told by who refuses."""
_OF_THE_BODY = frozenset({"content-length", "content-type"})


class ProblemError(BaseModel):
    """One thing that is wrong in a request."""

    loc: list[str | int] = Field(description="Where: body, query, path or header, and the way down from there.")
    message: str = Field(description="What is wrong there.")
    hint: str | None = Field(default=None, description="What to do about it.")


class Problem(BaseModel):
    """An error answer."""

    type: str = Field(description="Always `about:blank`: `code` tells kinds apart.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    code: ProblemCode = Field(description="The kind of trouble, for programs.")
    detail: str = Field(description="What is wrong, for people.")
    hint: str | None = Field(default=None, description="What to do about it.")
    errors: list[ProblemError] | None = Field(default=None, description="Each thing that is wrong, where input is.")


class ProblemResponse(Response):
    """An error answer with two faces: the path of its request says which of them is sent."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Mapping[str, Any], headers: Mapping[str, str], openai_status: int | None) -> None:
        # escaped to ASCII, so that not even a lone surrogate of the request can break it
        super().__init__(json.dumps(problem), problem["status"], dict(headers))
        self._problem, self._openai_status = problem, openai_status

    def for_openai(self) -> Response:
        """The same in OpenAI's envelope, with the headers that it was given meanwhile."""
        headers = {name: value for name, value in self.headers.items() if name not in _OF_THE_BODY}
        return openai_error(self._problem, status=self._openai_status, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the face that the path wants."""
        if is_openai_path(scope["path"]):
            await self.for_openai()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def problem(
    status: int,
    detail: str,
    *,
    code: ProblemCode | None = None,
    hint: str | None = None,
    findings: Iterable[Finding] | None = None,
    headers: Mapping[str, str] | None = None,
    openai_status: int | None = None,
) -> ProblemResponse:
    """An error answer; `openai_status` where OpenAI's API has another status for it."""
    code = code or _CODES.get(status, ProblemCode.BAD_REQUEST)
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    if hint is not None:
        body["hint"] = hint
    if findings is not None:
        body["errors"] = [_error(finding) for finding in findings]
    return ProblemResponse(body, headers or {}, openai_status)


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
