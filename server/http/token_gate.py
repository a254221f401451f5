"""Middleware that looks up the bearer token of every API request before a byte of its body is read."""

from typing import cast

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import State
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.feed.cache import Feed
from server.http.admission import Admission
from server.http.error_handlers import answer_to
from server.http.problems import problem
from server.http.rate_headers import tell_level
from server.http.routing import has_body
from tuning.errors import NotAuthenticated, NotFound, PacktrainError
from tuning.people.tokens import Principal, token_sha256

MAX_QUERY_BYTES = 16 * 1024
"""A hundred times the longest that a filter needs; more is only work to take apart."""
_HOW_TO_SEND = "send the header `Authorization: Bearer <token>`"
_PRINCIPAL = "principal"


class TokenGate:
    """Passes on what carries a known token; everything else is answered here, with its body unread.

    The token is looked up in the feed's memory, and in the database where that does not know it yet.
    """

    def __init__(self, app: ASGIApp, *, state: State, below: str) -> None:
        """`state` is the app's, which holds the feed and the admission; paths `below` this one need a token."""
        self._app = app
        self._state = state
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with whose it is, or answer why not."""
        if scope["type"] != "http" or not scope["path"].startswith(self._below):
            await self._app(scope, receive, send)
            return
        refusal = _bad_address(scope)
        if refusal is None and scope["method"] != "OPTIONS":
            refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        if has_body(scope):
            refusal.headers["Connection"] = "close"  # the body is not read, so nothing can follow it
        await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        try:
            principal = await self._principal(HTTPConnection(scope))
        except PacktrainError as error:
            return answer_to(error)
        scope.setdefault("state", {})[_PRINCIPAL] = principal
        return None

    async def _principal(self, request: HTTPConnection) -> Principal:
        """Principal of the token. Raises NotAuthenticated, TooManyRequests, Unavailable."""
        scheme, text = get_authorization_scheme_param(request.headers.get("authorization"))
        if scheme.lower() != "bearer":
            raise NotAuthenticated("this needs a token", hint=_HOW_TO_SEND)
        feed, admission = cast(Feed, self._state.feed), cast(Admission, self._state.admission)
        sha256, address = token_sha256(text), request.client.host if request.client else ""
        tell_level(request.scope, admission.user_of(sha256))
        admission.admit(sha256, address)
        try:
            principal = await feed.principal(text)
        except NotAuthenticated:
            admission.refused(sha256, address)
            raise
        tell_level(request.scope, principal.user_id)
        admission.found(sha256, principal.user_id)
        return principal


def principal_of(request: HTTPConnection) -> Principal:
    """Principal whose request the gate has let through."""
    return cast(Principal, request.scope["state"][_PRINCIPAL])


def _bad_address(scope: Scope) -> Response | None:
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        return problem(414, f"the query is longer than {MAX_QUERY_BYTES} bytes", hint="ask with fewer filters")
    if "\x00" in scope["path"]:
        return answer_to(NotFound("no name holds a NUL character"))  # PostgreSQL cannot even look for it
    return None
