"""The polled one: how far a job is."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.routing import APIRoute

from server.admission import Admission
from server.dependencies import FeedDep, FeedUser, JobId
from server.feed import Feed
from server.feed_progress import Progress, ProgressEntry
from server.problems import responses

LONGEST_WAIT_SECONDS = 60
_LARGEST_VERSION = 2**63 - 1
_BEARER = b"Bearer "


class PolledRoute(APIRoute):
    """Answers a plain poll before FastAPI takes the request apart: that costs twice as much as answering it.

    What memory cannot answer, and whatever has a query or is not as it should be, goes the ordinary way.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute.get_route_handler."""
        ordinary = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return _from_memory(request) or await ordinary(request)

        return handle


router = APIRouter(tags=["following"], route_class=PolledRoute)


@router.get(
    "/jobs/{job_id}/progress",
    response_model=Progress,
    responses={
        304: {"description": "Nothing changed since the answer with the ETag of `If-None-Match`."},
        **responses(404, 503),
    },
)
async def show_progress(
    job_id: JobId,
    feed: FeedDep,
    user: FeedUser,
    wait: Annotated[
        float,
        Query(
            ge=0, le=LONGEST_WAIT_SECONDS, description="Answer only when something changed, or after so many seconds."
        ),
    ] = 0,
    since: Annotated[
        int | None,
        Query(ge=0, le=_LARGEST_VERSION, description="The `version` that is known; else that of `If-None-Match`."),
    ] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """How far a job is, answered from memory: polling it costs the cluster and the database nothing."""

    def is_known(entry: ProgressEntry) -> bool:
        return entry.is_known_since(since) if since is not None else entry.is_named_by(if_none_match)

    entry = await feed.wait_for_change(job_id, is_known, wait)
    feed.check(user)
    return entry.answer(if_none_match)


def _from_memory(request: Request) -> Response | None:
    scope = request.scope
    if scope["query_string"]:
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    authorization = headers.get(b"authorization", b"")
    if not authorization.startswith(_BEARER):
        return None
    state, sha256 = scope["app"].state, _sha256(authorization)
    feed: Feed = state.feed
    # every token may read, so there is no scope to look at
    principal = feed.principal_in_memory(sha256)
    entry = feed.entry_in_memory(scope["path_params"]["job_id"])
    if principal is None or entry is None:
        return None
    admission: Admission = state.admission
    admission.count(sha256)
    if_none_match = headers.get(b"if-none-match")
    return entry.answer(if_none_match.decode("latin-1") if if_none_match is not None else None)


def _sha256(authorization: bytes) -> str:
    return hashlib.sha256(authorization[len(_BEARER) :]).hexdigest()
