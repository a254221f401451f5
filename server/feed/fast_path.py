"""The shortest way to the answer of a poll: before routes are matched and requests taken apart."""

import re

from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from server.dependencies import API, JOB_ID
from server.feed.cache import Feed, may_see
from server.feed.progress import ReadyResponse
from server.http.access.reader_in_memory import count_request, reader_in_memory
from server.http.latency import POLL, name_operation

_PATH = re.compile(f"{API}/jobs/({JOB_ID})/progress")


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
        feed: Feed = self._state.feed
        entry = feed.entry_in_memory(job_id)
        if entry is None:
            return None
        headers: dict[bytes, bytes] = dict(scope["headers"])
        # every token may read, so there is no scope to look at
        reader = reader_in_memory(self._state, scope, headers)
        if reader is None or not may_see(reader, entry.state) or not count_request(self._state, scope, reader):
            return None
        if_none_match = headers.get(b"if-none-match")
        return entry.answer(if_none_match.decode("latin-1") if if_none_match is not None else None)
