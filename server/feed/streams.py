"""Event streams of the feed. A stream holds only its place: for a slow reader nothing queues up."""

from collections.abc import AsyncGenerator, Awaitable
from typing import Protocol, TypeVar

from server.feed.cache import EventsPage, Feed, may_see
from server.feed.wakeups import EVERYTHING
from server.http.event_stream import HEARTBEAT, HEARTBEAT_SECONDS, position_frame
from tuning.errors import NotFound, Unavailable
from tuning.jobs.troubles import Step
from tuning.people.tokens import Principal

Found = TypeVar("Found")


def job_frames(feed: Feed, user: Principal, job_id: str, after: int) -> AsyncGenerator[bytes, None]:
    """The events of a job after this one, and its progress. Ends with the job's row, the token, or the server."""
    return _frames(feed, user, job_id, after, _ProgressOfOne(feed, user, job_id))


def all_job_frames(feed: Feed, user: Principal, after: int) -> AsyncGenerator[bytes, None]:
    """The events of all jobs that the user may see, after this one, and the progress of each as it changes."""
    return _frames(feed, user, None, after, _ProgressOfAll(feed, user))


class _Progress(Protocol):
    async def changes(self) -> bytes:
        """The frames of what changed since the last time."""
        ...


class _ProgressOfOne:
    def __init__(self, feed: Feed, user: Principal, job_id: str) -> None:
        self._feed, self._user = feed, user
        self._job_id = job_id
        self._sent: str | None = None

    async def changes(self) -> bytes:
        entry = await self._feed.seen_entry(self._user, self._job_id)
        if entry.etag == self._sent:
            return b""
        self._sent = entry.etag
        return entry.frame


class _ProgressOfAll:
    def __init__(self, feed: Feed, user: Principal) -> None:
        self._board, self._troubles = feed.board, feed.troubles
        self._tokens, self._user = feed.tokens, user
        self._serial = feed.board.serial

    async def changes(self) -> bytes:
        changed = self._board.changed_after(self._serial)
        self._serial = self._board.serial
        frames: list[bytes] = []
        user = self._tokens.latest(self._user)
        for entry in changed:
            if not may_see(user, entry.state) or self._troubles.is_held(Step.FEED_PROGRESS, entry.state.id):
                continue
            with self._troubles.contained(Step.FEED_PROGRESS, entry.state.id):
                frames.append(entry.frame)
        return b"".join(frames)


async def _frames(
    feed: Feed, user: Principal, job_id: str | None, after: int, progress: _Progress
) -> AsyncGenerator[bytes, None]:
    yield position_frame(str(after))
    with feed.bells.listen(job_id or EVERYTHING) as listener:
        while not feed.closing and feed.tokens.holds(user):
            page = await _unless_away(feed.events_after(after, job_id))
            if page is not None:
                after = page.complete_to
                if page.events:
                    if frames := _shown(feed, user, page):
                        yield frames
                    continue
            try:
                changes = await _unless_away(progress.changes())
            except NotFound:
                return
            if changes:
                yield changes
            if not await listener.wait(HEARTBEAT_SECONDS):
                yield HEARTBEAT


def _shown(feed: Feed, user: Principal, page: EventsPage) -> bytes:
    """The frames of the events that the user may see."""
    latest = feed.tokens.latest(user)
    return b"".join(event.frame for event in page.events if may_see(latest, event))


async def _unless_away(reading: Awaitable[Found]) -> Found | None:
    """None while the database does not answer: the stream stands still then, and goes on where it was."""
    try:
        return await reading
    except Unavailable:
        return None
