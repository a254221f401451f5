"""Requests to an OIDC provider: JSON of a bounded size in a bounded time, and no redirects."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tuning.errors import Unavailable

_SECONDS = 10.0
_MOST_BYTES = 1024 * 1024
_RETRY_SECONDS = 10


@dataclass(frozen=True)
class ProviderAnswer:
    """Status and JSON object of an answer."""

    status: int
    values: Mapping[str, Any]


def ask_provider(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: str | None = None,
    auth: tuple[str, str] | None = None,
) -> ProviderAnswer:
    """One request. Raises Unavailable where there is no answer, or none that is a JSON object."""
    asked = {"Accept": "application/json", **(headers or {})}
    try:
        with (
            httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
            client.stream(method, url, headers=asked, content=content, auth=auth) as answer,
        ):
            return ProviderAnswer(answer.status_code, _object(_body(answer)))
    except httpx.HTTPError as error:
        raise unavailable(url, type(error).__name__) from error
    except ValueError as error:
        raise unavailable(url, str(error)) from error


def unavailable(url: str, reason: str) -> Unavailable:
    """The error for a provider that cannot be used now; the log has the reason."""
    host = httpx.URL(url).host
    hint = "sign in with a token, or try again later; the server's log says more"
    error = Unavailable(f"the sign-in at {host} does not work now", retry_after_seconds=_RETRY_SECONDS, hint=hint)
    error.add_note(f"{url}: {reason}"[:500])
    return error


def _body(answer: httpx.Response) -> bytes:
    """Raises ValueError for what is too much or too slow."""
    ends, found = time.monotonic() + 2 * _SECONDS, b""
    for piece in answer.iter_bytes():
        found += piece
        if len(found) > _MOST_BYTES or time.monotonic() > ends:
            raise ValueError("the answer is too large or too slow")
    return found


def _object(body: bytes) -> Mapping[str, Any]:
    """Raises ValueError for what is no JSON object."""
    try:
        values = json.loads(body)
    except RecursionError as error:
        raise ValueError("the answer is nested too deep") from error
    if not isinstance(values, dict):
        raise ValueError("the answer is no JSON object")  # noqa: TRY004 - caught beside broken JSON
    return values
