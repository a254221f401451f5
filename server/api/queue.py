"""Routes of the queue: each waiting job with its place, the reasons for it, and its expected start."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from server.answers.jobs import found_job
from server.answers.queue import entries, job_entry, seen_rows
from server.api.pages import DEFAULT_LIMIT, After, Fields, Limit, Line, Page, with_fields
from server.dependencies import ClustersDep, CurrentUser, FeedDep, JobId, SessionDep
from server.http.errors.problems import responses
from server.schemas.queue import QueueEntry
from tuning.errors import Finding, InvalidInput

router = APIRouter(tags=["queue"])

_LONGEST_CURSOR = 9


class QueueQuery(BaseModel):
    """Part of the queue that is wanted. An unknown name is an error."""

    model_config = ConfigDict(extra="forbid")

    cluster: Line | None = Field(default=None, description="Of this cluster only.")
    limit: Limit = DEFAULT_LIMIT
    after: After = None
    fields: Fields = None


@router.get("/queue", response_model=Page[QueueEntry])
def show_queue(
    session: SessionDep,
    feed: FeedDep,
    clusters: ClustersDep,
    user: CurrentUser,
    query: Annotated[QueueQuery, Query()],
) -> Page[QueueEntry] | Response:
    """The jobs that have not begun and that the user may see, in their order: those inside Slurm first, held ones not.

    It is a few seconds old at most. A page begins behind a place: a job that moved since may be on two or on none.
    """
    cluster = query.cluster
    if cluster is not None and cluster not in clusters:
        hint = f"the clusters are: {', '.join(sorted(clusters)) or 'none yet'}"
        raise InvalidInput([Finding(("query", "cluster"), f"there is no cluster {cluster}", hint)])
    views = [feed.queues.view(session, name) for name in sorted(clusters) if cluster in (None, name)]
    rows = seen_rows(views, user)
    start = _start(query.after)
    page = rows[start : start + query.limit]
    end = start + len(page)
    next_ = str(end) if end < len(rows) else None
    found = Page[QueueEntry](data=entries(session, feed, page, user), has_more=next_ is not None, next=next_)
    return with_fields(found, QueueEntry, query.fields)


@router.get("/jobs/{job_id}/queue", responses=responses(404, 409))
def show_job_in_queue(job_id: JobId, session: SessionDep, feed: FeedDep, user: CurrentUser) -> QueueEntry:
    """The entry of a job, held and running ones too. 409 for one that has ended."""
    return job_entry(session, feed, found_job(session, job_id, user), user)


def _start(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isascii() or not after.isdigit() or len(after) > _LONGEST_CURSOR:
        raise InvalidInput([Finding(("query", "after"), "unknown cursor", "give the `next` of the page before")])
    return int(after)
