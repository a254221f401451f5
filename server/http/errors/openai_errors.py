"""The form of error answers beneath `/v1`: the envelope that OpenAI's clients read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

OPENAI_API = "/v1"
_STATUSES = {409: 400, 507: 400}
"""OpenAI's clients send a request again after these, and nothing would be different then."""
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
"""Codes that programs written for OpenAI know; the others are those of a problem."""
_SIDES = ("body", "query", "path", "header")


def is_openai_path(path: str) -> bool:
    """Whether a path is one of OpenAI's API."""
    return path == OPENAI_API or path.startswith(f"{OPENAI_API}/")


def openai_error(
    problem: Mapping[str, Any], *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that says the same as a problem's fields; `status`, where it is another than the problem's."""
    status = status or _STATUSES.get(problem["status"], problem["status"])
    errors = problem.get("errors") or ()
    body = {
        "message": _message(problem, errors),
        "type": _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": _param(errors),
        "code": _CODES.get(status, problem["code"]),
    }
    return Response(json.dumps({"error": body}), status, dict(headers or {}), "application/json")


def _message(problem: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> str:
    """All that is wrong, a line each: the envelope has no other place for it."""
    return "\n".join(_with_hint(error["message"], error.get("hint")) for error in errors) or _with_hint(
        problem["detail"], problem.get("hint")
    )


def _with_hint(message: str, hint: str | None) -> str:
    return f"{message} ({hint})" if hint else message


def _param(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """The place of the first thing that is wrong: `messages[0].role`."""
    loc = list(errors[0]["loc"]) if errors else []
    parts = loc[1:] if loc and loc[0] in _SIDES else loc
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".") or None
