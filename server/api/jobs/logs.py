"""Routes of a job's logs: the end from the database, older ranges from the cluster, and as a stream."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy.orm import Session

from server.clusters.files import PersonFiles
from server.dependencies import ClusterFilesDep, FeedDep, FollowerDep, JobId, ReadingDep
from server.feed.logs import LogPlace, log_frames
from server.http.errors.problems import responses
from server.http.event_stream import EventStream
from tuning.db.engine import transaction
from tuning.errors import Finding, InvalidInput, NotFound
from tuning.jobs.layout import attempt_directory, log_file
from tuning.jobs.output.logs import LogExtent, LogFile, LogPiece, last_lines, log_extent, read_log
from tuning.jobs.queries.feed import JobPlace, job_place

MOST_BYTES = 1024 * 1024
"""Of one answer; `X-Packtrain-Next-Offset` leads on."""
_TAIL_LINES = 200
_LARGEST_OFFSET = 2**63 - 1 - MOST_BYTES

router = APIRouter(tags=["following"])

Stream = Annotated[Literal["stdout", "stderr"], Query(description="LLaMA-Factory says most of it on stdout.")]
AttemptNumber = Annotated[int | None, Query(ge=1, le=1_000_000, description="By default the newest.")]
Offset = Annotated[int | None, Query(ge=0, le=_LARGEST_OFFSET, description="Bytes from the beginning of the file.")]
LastPlace = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        pattern=r"^[0-9]{1,6}:[0-9]{1,18}$",
        description="As a reader of server-sent events sends it when it comes back.",
    ),
]
_NUMBER = {"schema": {"type": "integer"}}
_HEADERS = {
    "X-Packtrain-Offset": {"description": "Where in the file the answer begins.", **_NUMBER},
    "X-Packtrain-Next-Offset": {"description": "Give it as `offset` for what follows.", **_NUMBER},
    "X-Packtrain-Size": {"description": "How far the file has been read by packtrain.", **_NUMBER},
}
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "headers": _HEADERS}
}
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}


@router.get(
    "/jobs/{job_id}/logs", response_class=PlainTextResponse, responses={**_TEXT, **responses(403, 404, 502, 503)}
)
def show_log(
    job_id: JobId,
    reading: ReadingDep,
    cluster_files: ClusterFilesDep,
    stream: Stream = "stdout",
    attempt: AttemptNumber = None,
    tail: Annotated[
        int | None, Query(ge=1, le=100_000, description="So many lines of the end; 200 by default.")
    ] = None,
    offset: Offset = None,
) -> Response:
    """The end of a log, or what follows an offset, as the job wrote it: at most 1 MiB at a time."""
    if tail is not None and offset is not None:
        raise InvalidInput(
            [Finding(("query", "tail"), "give either tail or offset", "tail is the end, offset any place")]
        )
    with transaction(reading.sessions) as session:
        place = job_place(session, job_id, reading.user)
        log = (job_id, _attempt(place, attempt), stream)
        extent = log_extent(session, log)
        piece = _kept(session, log, extent, tail, offset)
    if piece is None:
        piece = _from_cluster(cluster_files, place.cluster, log, offset or 0, extent)
    headers = {
        "X-Packtrain-Offset": str(piece.offset),
        "X-Packtrain-Next-Offset": str(piece.end),
        "X-Packtrain-Size": str(extent.end),
        "X-Content-Type-Options": "nosniff",
    }
    return PlainTextResponse(piece.content, headers=headers)


@router.get(
    "/jobs/{job_id}/logs/stream",
    response_class=EventStream,
    status_code=200,
    responses={**_EVENTS, **responses(404, 503)},
)
async def stream_log(
    job_id: JobId,
    feed: FeedDep,
    follower: FollowerDep,
    stream: Stream = "stdout",
    attempt: AttemptNumber = None,
    offset: Offset = None,
    last_event_id: LastPlace = None,
) -> EventStream:
    """Stream of a log: the text that is kept (or that follows the offset), then new text as it comes, as JSON.

    Follows the job from attempt to attempt, unless one is asked for. `event: end` is the last.
    """
    entry = await feed.seen_entry(follower.user, job_id)
    place = LogPlace(attempt or max(1, entry.state.attempt), offset or 0)
    if last_event_id is not None:
        place = LogPlace(*(int(number) for number in last_event_id.split(":")))
    frames = log_frames(feed, follower.user, job_id, stream, place, only_this_attempt=attempt is not None)
    return EventStream(frames, holds=follower.held_until_closed())


def _attempt(place: JobPlace, wanted: int | None) -> int:
    if wanted is not None and wanted > place.attempt:
        raise NotFound(f"job {place.id} has no attempt {wanted}", hint=f"its newest is {place.attempt}")
    return place.attempt if wanted is None else wanted


def _kept(session: Session, log: LogFile, extent: LogExtent, tail: int | None, offset: int | None) -> LogPiece | None:
    """From the database; None for what begins before that which is kept there."""
    if offset is None:
        start = max(extent.start, extent.end - MOST_BYTES)
        return last_lines(read_log(session, log, start, MOST_BYTES), tail or _TAIL_LINES, from_line_start=start == 0)
    if offset < extent.start:
        return None
    return read_log(session, log, offset, MOST_BYTES)


def _from_cluster(cluster_files: PersonFiles, cluster: str, log: LogFile, offset: int, extent: LogExtent) -> LogPiece:
    job_id, attempt, stream = log
    folder = attempt_directory(cluster_files.root(cluster), job_id, attempt)
    content = cluster_files.read(cluster, folder, log_file(stream), offset, min(MOST_BYTES, extent.end - offset))
    return LogPiece(offset, content)
