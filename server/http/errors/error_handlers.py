"""Errors become HTTP here and nowhere else."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from server.http.errors.findings import from_pydantic, placed, summary
from server.http.errors.openai_errors import is_openai_path
from server.http.errors.problems import ProblemCode, ProblemResponse, problem
from server.http.request_ids import REQUEST_ID, request_id_of
from server.http.routing import METHOD_NOT_ALLOWED, allowed_methods, body_model, is_of_another_kind
from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.errors import (
    AnswerBroken,
    ClusterError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PacktrainError,
    PermanentError,
    PromptTooLong,
    StorageFull,
    TooManyRequests,
    TransientError,
    Unavailable,
)

_STATUSES: dict[type[PacktrainError], int] = {
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    StorageFull: 507,
    TooManyRequests: 429,
    Unavailable: 503,
    AnswerBroken: 502,
    TransientError: 503,
    PermanentError: 502,
    ClusterError: 502,
}
_CODES: dict[type[PacktrainError], ProblemCode] = {
    PromptTooLong: ProblemCode.CONTEXT_LENGTH_EXCEEDED,
    TransientError: ProblemCode.CLUSTER_UNAVAILABLE,
}
_NO_SUCH_PATH = "the paths of the API begin with /api/v1: /docs has them all"
_NO_SUCH_OPENAI_PATH = "the user guide lists what there is of OpenAI's API"
_log = logging.getLogger(__name__)
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "10"}}


def add_error_handlers(app: FastAPI) -> None:
    """Give every error its answer."""
    app.add_exception_handler(PacktrainError, _packtrain_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    for kind in DATABASE_TROUBLE:
        app.add_exception_handler(kind, _no_database)
    app.add_exception_handler(DataError, _no_value_of_the_database)
    app.add_exception_handler(Exception, _unexpected)


def answer_to(error: PacktrainError) -> ProblemResponse:
    """The answer to one of our errors."""
    code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    if isinstance(error, InvalidInput):
        findings = placed(error.findings)
        return problem(422, summary(findings), code=code, findings=findings, openai_status=400)
    status = status_of(error)
    headers = _HEADERS.get(status)
    if isinstance(error, Unavailable):
        headers = {"Retry-After": str(error.retry_after_seconds)}
    return problem(status, str(error), code=code, hint=error.hint, headers=headers)


def status_of(error: PacktrainError) -> int:
    """Status of the answer to one of our errors."""
    if isinstance(error, InvalidInput):
        return 422
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


async def _packtrain_error(_request: Request, error: Exception) -> Response:
    return answer_to(cast(PacktrainError, error))


async def _invalid_request(request: Request, error: Exception) -> Response:
    errors = cast(RequestValidationError, error).errors()
    findings = from_pydantic(errors, body_model(request))
    if is_of_another_kind(request) and any(_is_no_object(each) for each in errors):
        hint = "send the header `Content-Type: application/json`"
        return problem(415, "the body is not said to be JSON", hint=hint, findings=findings)
    return problem(422, summary(findings), findings=findings)


def _is_no_object(error: Mapping[str, Any]) -> bool:
    """Something was sent, and not read as JSON."""
    return tuple(error["loc"]) == ("body",) and error["type"] != "missing"


async def _http_exception(request: Request, error: Exception) -> Response:
    raised = cast(HTTPException, error)
    if raised.status_code == METHOD_NOT_ALLOWED:
        allowed = allowed_methods(request)
        return problem(405, raised.detail, hint=f"this path takes {allowed}", headers={"Allow": allowed})
    hint = _no_such_path(request) if raised.status_code == 404 else None
    return problem(raised.status_code, raised.detail, hint=hint, headers=raised.headers)


def _no_such_path(request: Request) -> str:
    return _NO_SUCH_OPENAI_PATH if is_openai_path(request.url.path) else _NO_SUCH_PATH


async def _no_value_of_the_database(_request: Request, error: Exception) -> Response:
    """PostgreSQL's word for a NUL in a text, or a number that no column holds: what was sent cannot exist here."""
    _log.warning("the database refused a value", extra={"action": "bad_value", "reason": str(error)[:200]})
    return problem(422, "a value holds what the database cannot keep", hint="leave out control characters")


async def _no_database(_request: Request, error: Exception) -> Response:
    """Whether what was asked for was done, nobody knows when a commit had no answer: an Idempotency-Key tells."""
    _log.warning("the database does not answer", extra={"action": "no_database", "reason": str(error)})
    code = ProblemCode.DATABASE_UNAVAILABLE
    return problem(503, "the database does not answer", code=code, headers={"Retry-After": "2"})


async def _unexpected(request: Request, error: Exception) -> Response:
    """The server's log has the traceback (starlette raises the error again after this answer).

    This answer is made outside of all middleware, so it gets its id here.
    """
    request_id = request_id_of(request.scope)
    _log.error("a request failed: %s", type(error).__name__, extra={"action": "failed", "request_id": request_id})
    hint = f"try again; if it stays so, tell the operator, with the {REQUEST_ID} of this answer"
    return problem(500, "the server failed; its log says why", hint=hint, headers={REQUEST_ID: request_id})
