"""The shortest way to the answer of a poll: before routes are matched and requests taken apart."""

import hashlib
import re
from collections.abc import Mapping

from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from server.dependencies import API, JOB_ID
from server.feed.cache import Feed, may_see
from server.feed.progress import ReadyResponse
from server.http.access.session_cookie import session_text
from server.http.bounds.admission import Admission
from server.http.bounds.rate_headers import tell_level
from server.http.latency import POLL, name_operation
from tuning.errors import PacktrainError
from tuning.people.sessions import SESSION_PREFIX

_PATH = re.compile(f"{API}/jobs/({JOB_ID})/progress")
_BEARER = b"Bearer "
_SESSION = SESSION_PREFIX.encode()


class PolledProgress:
    """Answers a plain GET progress from memory: what FastAPI does around it costs several times that.

    What memory cannot answer, and whatever has a query or is not as it should be, goes the ordinary way; so does what
    is to be refused, which is said there.
    """

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        """`state` is the app's, which holds the feed and the admission."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass a request on."""
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            path = _PATH.fullmatch(scope["path"])
            answer = self._from_memory(scope, path[1]) if path is not None else None
            if answer is not None:
                name_operation(scope, POLL)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _from_memory(self, scope: Scope, job_id: str) -> ReadyResponse | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        text = _credential(scope, headers)
        if text is None or (text.startswith(_SESSION) and self._state.settings.proxy_user_header is not None):
            return None
        sha256 = hashlib.sha256(text).hexdigest()
        feed: Feed = self._state.feed
        admission: Admission = self._state.admission
        entry = feed.entry_in_memory(job_id)
        try:
            # every token may read, so there is no scope to look at
            principal = feed.principal_in_memory(sha256) if entry is not None else None
            if entry is None or principal is None or not may_see(principal, entry.state):
                return None
            admission.count(principal.user_id)
            tell_level(scope, principal.user_id)
        except PacktrainError:
            return None
        if_none_match = headers.get(b"if-none-match")
        return entry.answer(if_none_match.decode("latin-1") if if_none_match is not None else None)


def _credential(scope: Scope, headers: Mapping[bytes, bytes]) -> bytes | None:
    """Text of the token, or of the cookie's session where no header is sent; None for all that is to be looked at."""
    authorization = headers.get(b"authorization")
    if authorization is None:
        cookie = session_text(scope)
        return cookie.encode() if cookie is not None else None
    text = authorization.removeprefix(_BEARER)
    return None if text == authorization or text.startswith(_SESSION) else text
