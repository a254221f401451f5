"""Middleware that looks up the token or session of every API request before a byte of its body is read."""

from typing import cast

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import State
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.feed.cache import Feed
from server.http.access.proxied_user import proxied_user
from server.http.access.session_cookie import csrf_refusal, session_text
from server.http.bounds.admission import Admission
from server.http.bounds.rate_headers import tell_level
from server.http.errors.error_handlers import answer_to
from server.http.errors.problems import problem
from server.http.routing import has_body
from tuning.errors import NotAuthenticated, NotFound, PacktrainError
from tuning.people.sessions import is_session_text
from tuning.people.tokens import Principal, token_sha256

MAX_QUERY_BYTES = 16 * 1024
"""A hundred times the longest that a filter needs; more is only work to take apart."""
_HOW_TO_SEND = "send the header `Authorization: Bearer <token>`"
_ENDED = "this session has ended"
_SIGN_IN = "sign in again: /sign-in"
_PRINCIPAL, _CREDENTIAL = "principal", "credential"


class TokenGate:
    """Passes on what carries a known token or session; everything else is answered here, with its body unread.

    It is looked up in the feed's memory, and in the database where that does not know it yet. A session is looked for
    in its cookie alone, a token in its header alone, and a change by a session has to come from our own page.
    """

    def __init__(self, app: ASGIApp, *, state: State, below: tuple[str, ...]) -> None:
        """`state` is the app's, which holds the feed and the admission; paths `below` these need a token."""
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
        request = HTTPConnection(scope)
        try:
            text = _credential(request)
            await admitted(self._state, request, text)
        except PacktrainError as error:
            return answer_to(error)
        return csrf_refusal(scope, text) if is_session_text(text) else None


async def admitted(state: State, request: HTTPConnection, text: str) -> Principal:
    """Principal of a token or session, whose request is counted, and is known from here on as theirs.

    `state` is the app's. Raises NotAuthenticated, TooManyRequests, Unavailable.
    """
    feed, admission = cast(Feed, state.feed), cast(Admission, state.admission)
    sha256, address = token_sha256(text), address_of(request)
    tell_level(request.scope, admission.user_of(sha256))
    admission.admit(sha256, address)
    try:
        principal = await feed.principal(text)
    except NotAuthenticated as error:
        admission.refused(sha256, address)
        raise (NotAuthenticated(_ENDED, hint=_SIGN_IN) if is_session_text(text) else error) from error
    tell_level(request.scope, principal.user_id)
    admission.found(sha256, principal.user_id)
    if is_session_text(text) and proxied_user(request.scope, state.settings) not in (None, principal.name):
        raise NotAuthenticated(_ENDED, hint=_SIGN_IN)  # the proxy names somebody else
    request.scope.setdefault("state", {}).update({_PRINCIPAL: principal, _CREDENTIAL: text})
    return principal


def principal_of(request: HTTPConnection) -> Principal:
    """Principal whose request the gate has let through."""
    return cast(Principal, request.scope["state"][_PRINCIPAL])


def credential_of(request: HTTPConnection) -> str:
    """Text of the token or session with which the gate has let a request through."""
    return cast(str, request.scope["state"][_CREDENTIAL])


def address_of(request: HTTPConnection) -> str:
    """Network address that a request comes from, as a proxy tells it that is believed."""
    return request.client.host if request.client else ""


def _credential(request: HTTPConnection) -> str:
    """Text of the header's token, or of the cookie's session where there is no such header. Raises NotAuthenticated."""
    authorization = request.headers.get("authorization")
    if authorization is None and (text := session_text(request.scope)) is not None:
        return text
    scheme, text = get_authorization_scheme_param(authorization)
    if scheme.lower() != "bearer" or is_session_text(text):
        raise NotAuthenticated("this needs a token", hint=_HOW_TO_SEND)
    return text


def _bad_address(scope: Scope) -> Response | None:
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        return problem(414, f"the query is longer than {MAX_QUERY_BYTES} bytes", hint="ask with fewer filters")
    if "\x00" in scope["path"]:
        return answer_to(NotFound("no name holds a NUL character"))  # PostgreSQL cannot even look for it
    return None
