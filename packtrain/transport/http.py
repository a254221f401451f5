"""The one seam to the server: sends requests, repeats the safe ones, turns refusals into ApiError."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from packtrain.connection import Connection
from packtrain.errors import ApiError, Problem, ServerUnreachable, finding_of
from packtrain.sanitize import inert_line

_PAUSES_SECONDS = (0.5, 1.0, 2.0)
_LONGEST_PAUSE_SECONDS = 60.0
_NOT_NOW = frozenset({429, 503})
_NOBODY_BEHIND = frozenset({500, 502, 504})
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = httpx.Timeout(60.0, connect=10.0, write=120.0)
# An upload is read through to its last line before the answer comes.
_UPLOAD_TIMEOUT = httpx.Timeout(3600.0, connect=10.0, write=120.0)


Query = Mapping[str, str | int | list[str]]


@dataclass(frozen=True)
class Upload:
    """A multipart body: form fields and one open file."""

    fields: Mapping[str, str]
    files: Mapping[str, Any]


class Http:
    """A connection pool to one server, with its token in every request."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=f"{connection.url}/api/v1/",
            headers={"Authorization": f"Bearer {connection.token}", "User-Agent": "packtrain"},
            timeout=_TIMEOUT,
            transport=transport,
            # A proxy of the environment can do nothing for a server on this machine but read its token.
            trust_env=urlsplit(connection.url).hostname not in _LOOPBACK,
        )

    def get(self, path: str, query: Query | None = None, *, read_seconds: float = 60.0) -> Any:
        """The JSON of a GET, asked again a few times when nobody answers."""
        timeout = httpx.Timeout(read_seconds, connect=10.0)
        return self._repeated(lambda: self._client.get(path, params=dict(query or {}), timeout=timeout)).json()

    def post(self, path: str, body: Any = None, *, idempotency_key: str | None = None) -> Any:
        """The JSON of a POST; sent again only under an idempotency key, by which the server knows it again."""
        if idempotency_key is None:
            return self._once(lambda: self._client.post(path, json=body)).json()
        headers = {"Idempotency-Key": idempotency_key}
        return self._repeated(lambda: self._client.post(path, json=body, headers=headers)).json()

    def post_file(self, path: str, upload: Upload) -> Any:
        """The JSON of a streamed multipart POST; never sent twice."""
        return self._once(
            lambda: self._client.post(path, data=upload.fields, files=upload.files, timeout=_UPLOAD_TIMEOUT)
        ).json()

    def put(self, path: str, body: Any) -> None:
        """A PUT, which says the same however often it is sent."""
        self._repeated(lambda: self._client.put(path, json=body))

    def delete(self, path: str) -> None:
        """A DELETE, once."""
        self._once(lambda: self._client.delete(path))

    @contextmanager
    def stream(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """A GET whose body is read by the caller. A break on the way raises ServerUnreachable."""
        request = self._client.build_request(
            "GET",
            path,
            params=dict(query or {}),
            headers={"Accept-Encoding": "identity", **(headers or {})},
            timeout=httpx.Timeout(120.0, connect=10.0),
        )
        answer = self._repeated(lambda: self._client.send(request, stream=True))
        with self._mapped(), closing(answer):
            yield answer

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _repeated(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        for pause in _PAUSES_SECONDS:
            try:
                return self._once(send)
            except ServerUnreachable as error:
                self._sleep(max(pause, min(error.retry_after_seconds, _LONGEST_PAUSE_SECONDS)))
        return self._once(send)

    def _once(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        with self._mapped():
            return self._accepted(send())

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        answer.read()
        answer.close()
        problem = problem_of(answer)
        # The server's own 502 is a lasting trouble of a cluster; a proxy's says that the server is away, and a bare 500
        # comes from under the server while it is being stopped.
        is_ours = answer.headers.get("Content-Type", "").startswith("application/problem+json")
        if answer.status_code in _NOT_NOW or (answer.status_code in _NOBODY_BEHIND and not is_ours):
            reason = f"{inert_line(problem.detail or problem.title)} (HTTP {answer.status_code})"
            raise self._unreachable(reason, answer.headers.get("Retry-After", ""))
        raise ApiError(problem)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise self._unreachable(_ERRNO.sub("", str(error)) or type(error).__name__) from error

    def _unreachable(self, reason: str, retry_after: str = "") -> ServerUnreachable:
        where = f"{self._connection.url} (from {self._connection.source})"
        return ServerUnreachable(
            f"the server {where} does not answer: {reason}",
            hint="is it running? `packtrain serve` starts one",
            retry_after_seconds=float(retry_after) if retry_after.isdecimal() else 0.0,
        )


def problem_of(answer: httpx.Response) -> Problem:
    """The problem document of a refusal; of an answer that is none (a proxy's page), its status."""
    title = answer.reason_phrase or "refused"
    try:
        body = answer.json()
    except ValueError:
        return Problem(answer.status_code, title)
    if not isinstance(body, dict):
        return Problem(answer.status_code, title)
    findings = tuple(finding_of(entry) for entry in body.get("errors") or () if isinstance(entry, dict))
    return Problem(
        answer.status_code,
        str(body.get("title") or title),
        _words(body.get("detail")),
        _words(body.get("hint")),
        findings,
    )


def _words(value: Any) -> str | None:
    return str(value) if value else None
