"""Routes of events: as a list, and as a stream."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from server.api.pages import DEFAULT_LIMIT, Fields, Limit, Page, with_fields
from server.dependencies import FeedDep, FeedUser, FollowerDep, JobId, SessionsDep
from server.feed.events import Event, as_event
from server.feed.streams import all_job_frames, job_frames
from server.http.errors.problems import responses
from server.http.event_stream import EventStream
from tuning.db.engine import transaction
from tuning.errors import Unavailable
from tuning.jobs.queries.feed import events_after, job_place

router = APIRouter(tags=["following"])

EventId = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="Begin behind the event with this id.")]
LastEventId = Annotated[
    int | None, Header(ge=0, le=2**63 - 1, description="As a reader of server-sent events sends it when it comes back.")
]
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.get("/jobs/{job_id}/events", responses=responses(404), response_model=Page[Event])
def list_events(
    job_id: JobId,
    sessions: SessionsDep,
    user: FeedUser,
    after: EventId = None,
    limit: Limit = DEFAULT_LIMIT,
    fields: Fields = None,
) -> Page[Event] | Response:
    """The events of a job, oldest first."""
    with transaction(sessions) as session:
        job_place(session, job_id, user)
        rows = events_after(session, after or 0, limit + 1, job_id)
    page = rows[:limit]
    has_more = len(rows) > limit
    shown, following = [as_event(row) for row in page], str(page[-1].id) if has_more else None
    return with_fields(Page[Event](data=shown, has_more=has_more, next=following), Event, fields)


@router.get(
    "/jobs/{job_id}/events/stream",
    response_class=EventStream,
    status_code=200,
    responses={**_STREAM, **responses(404, 503)},
)
async def stream_events(
    job_id: JobId, feed: FeedDep, follower: FollowerDep, after: EventId = None, last_event_id: LastEventId = None
) -> EventStream:
    """The events of a job from its first on, or from the given one on, and then as they happen.

    `event: progress` (without an id) brings what GET progress answers, at the beginning and after each change.
    """
    await feed.seen_entry(follower.user, job_id)
    frames = job_frames(feed, follower.user, job_id, _first(last_event_id, after, 0))
    return EventStream(frames, holds=follower.held_until_closed())


@router.get("/events/stream", response_class=EventStream, status_code=200, responses={**_STREAM, **responses(503)})
async def stream_all_events(
    feed: FeedDep, follower: FollowerDep, after: EventId = None, last_event_id: LastEventId = None
) -> EventStream:
    """The events of all jobs from now on, or from the given one on; `event: progress` after each change of a job."""
    if not feed.is_fresh:
        raise Unavailable("the database does not answer", retry_after_seconds=2)
    frames = all_job_frames(feed, follower.user, _first(last_event_id, after, feed.events.newest))
    return EventStream(frames, holds=follower.held_until_closed())


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
