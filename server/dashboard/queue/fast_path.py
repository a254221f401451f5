"""Fast path of the queue page's renewals: kept content is sent before routes are matched."""

from typing import cast

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server.dashboard.access import HOME
from server.dashboard.fragments import SharedFragments
from server.dashboard.page import is_fragment, language_of_request
from server.dashboard.queue.filters import QueueFilters
from server.dashboard.queue.page import TEMPLATE, shown_to
from server.dashboard.renewal import fragment_key, is_wanted_anew
from server.feed.cache import Feed
from server.http.access.reader_in_memory import count_request, reader_in_memory
from server.http.latency import RENEWAL, name_operation

_NO_FILTERS = QueueFilters()


class RenewedQueue:
    """Answers an open page's plain look at the whole queue, of which 200 pages make 200 a second.

    What is not kept, or not asked for by a session that memory knows, goes the ordinary way.
    """

    def __init__(self, app: ASGIApp, *, state: State) -> None:
        """`state` is the app's, which holds the fragments, the feed and the admission."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass a request on."""
        if scope["type"] == "http" and scope["path"] == HOME and scope["method"] == "GET" and not scope["query_string"]:
            answer = self._from_memory(Request(scope))
            if answer is not None:
                name_operation(scope, RENEWAL)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _from_memory(self, request: Request) -> Response | None:
        headers = request.headers
        is_page = is_fragment(headers) and "text/html" in headers.get("accept", "")
        if not is_page or "authorization" in headers or is_wanted_anew(headers):
            return None
        reader = reader_in_memory(self._state, request.scope, dict(request.scope["headers"]))
        if reader is None:
            return None
        key = fragment_key(TEMPLATE, shown_to(reader, _NO_FILTERS), language_of_request(request))
        newest = cast(Feed, self._state.feed).events.newest
        fragment = cast(SharedFragments, self._state.fragments).kept(key, newest)
        if fragment is None or not count_request(self._state, request.scope, reader):
            return None
        return fragment.answer(request)
