"""Route of a job's progress. Most polls are answered before they come here (server.feed.fast_path)."""

from contextlib import nullcontext
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from server.dependencies import FeedDep, FollowerDep, JobId
from server.feed.progress import Progress, ProgressEntry
from server.http.errors.problems import responses

LONGEST_WAIT_SECONDS = 60
_LARGEST_VERSION = 2**63 - 1

router = APIRouter(tags=["following"])


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
    follower: FollowerDep,
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
    """The progress of a job, from memory: polling costs the cluster nothing, and the database next to nothing."""

    def is_known(entry: ProgressEntry) -> bool:
        if not feed.tokens.holds(follower.user):
            return False  # it was revoked, or its user was switched off: the wait is over
        return entry.is_known_since(since) if since is not None else entry.is_named_by(if_none_match)

    await feed.seen_entry(follower.user, job_id)
    with follower.place() if wait > 0 else nullcontext():
        entry = feed.seen_by(follower.user, await feed.wait_for_change(job_id, is_known, wait))
    feed.check(follower.user)
    return entry.answer(if_none_match)
