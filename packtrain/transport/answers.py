"""Answers of the server judged: what is an error, which one, and whether to ask again. Pure."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from packtrain.connection import Connection
from packtrain.errors import ApiError, PacktrainError, Problem, ServerUnreachable, finding_of
from packtrain.sanitize import inert_line

PAUSES_SECONDS = (0.5, 1.0, 2.0)
"""Before a request is sent again."""
_LONGEST_PAUSE_SECONDS = 60.0
_NOT_NOW = frozenset({429, 503})
_NOBODY_BEHIND = frozenset({500, 502, 504})
_NO_SUCH_PATH = "Not Found"
"""All that is said of a path that no route has."""
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def client_options(connection: Connection) -> dict[str, Any]:
    """The arguments of httpx's clients for a server."""
    return {
        "base_url": f"{connection.url}/",
        "headers": {"Authorization": f"Bearer {connection.token}", "User-Agent": "packtrain"},
        # A proxy of the environment can do nothing for a server on this machine but read its token.
        "trust_env": urlsplit(connection.url).hostname not in _LOOPBACK,
    }


def error_of(answer: httpx.Response, connection: Connection) -> PacktrainError:
    """ApiError for the server's refusal, ServerUnreachable where it is away or busy; of an answer that was read."""
    problem = problem_of(answer)
    # The server's own 502 is a lasting trouble of a cluster; a proxy's says that the server is away, and a bare 500
    # comes from under the server while it is being stopped.
    is_ours = answer.headers.get("Content-Type", "").startswith("application/problem+json") or problem.code is not None
    reason = f"{inert_line(problem.detail or problem.title)} (HTTP {answer.status_code})"
    retry_after = answer.headers.get("Retry-After", "")
    if answer.status_code in _NOT_NOW and is_ours:  # of the cluster, or of too much at once: the server is well
        hint = problem.hint or "try again later"
        return ServerUnreachable(reason, hint=hint, retry_after_seconds=_seconds(retry_after))
    if answer.status_code in _NOT_NOW or (answer.status_code in _NOBODY_BEHIND and not is_ours):
        return _unreachable(connection, reason, retry_after)
    if answer.status_code == httpx.codes.NOT_FOUND and problem.detail in (None, _NO_SUCH_PATH):
        hint = f"is {connection.url} (from {connection.source}) the address of packtrain, and is this as new as it?"
        return ApiError(replace(problem, detail="there is nothing of packtrain's at this address", hint=hint))
    return ApiError(problem)


def broken(error: httpx.TransportError, connection: Connection) -> ServerUnreachable:
    """The connection broke, or there is none."""
    return _unreachable(connection, _ERRNO.sub("", str(error)) or type(error).__name__)


def pause_seconds(pause: float, error: ServerUnreachable) -> float:
    """Before the next try: as long as the server asked for, within a minute."""
    return max(pause, min(error.retry_after_seconds, _LONGEST_PAUSE_SECONDS))


def content_of(answer: httpx.Response) -> Any:
    """JSON where it is that, text where it is another, None where there is none."""
    if not answer.content:
        return None
    is_json = answer.headers.get("Content-Type", "").partition(";")[0] == "application/json"
    return answer.json() if is_json else answer.text


def problem_of(answer: httpx.Response) -> Problem:
    """The problem document of a refusal; of an answer that is none (a proxy's page), its status."""
    title = answer.reason_phrase or "refused"
    try:
        body = answer.json()
    except ValueError:
        return Problem(answer.status_code, title)
    if not isinstance(body, dict):
        return Problem(answer.status_code, title)
    if isinstance(envelope := body.get("error"), dict):
        return Problem(answer.status_code, title, _words(envelope.get("message")), code=_words(envelope.get("code")))
    findings = tuple(finding_of(entry) for entry in body.get("errors") or () if isinstance(entry, dict))
    return Problem(
        answer.status_code,
        str(body.get("title") or title),
        _words(body.get("detail")),
        _words(body.get("hint")),
        findings,
        _words(body.get("code")),
    )


def _unreachable(connection: Connection, reason: str, retry_after: str = "") -> ServerUnreachable:
    where = f"{connection.url} (from {connection.source})"
    return ServerUnreachable(
        f"the server {where} does not answer: {reason}",
        hint=f"is the address right, and is it reached from here? try: curl {connection.url}/healthz",
        retry_after_seconds=_seconds(retry_after),
    )


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0


def _words(value: Any) -> str | None:
    return str(value) if value else None
