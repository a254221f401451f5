"""The newest events of all jobs, framed once for every stream."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from server.http.event_stream import event_frame
from tuning.jobs.queries.feed import EventRow

_KEPT_EVENTS = 5_000
"""Who falls further behind reads the database until it has caught up."""


class Event(BaseModel):
    """Event of a job."""

    id: int = Field(description="Grows from event to event, over all jobs; a stream is resumed after it.")
    object: Literal["event"] = "event"
    job_id: str
    type: str = Field(description="job.created, job.<status>, job.cancel_requested, checkpoint.saved, warning, ...")
    at: datetime
    message: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FramedEvent:
    """An event as the streams send it."""

    id: int
    job_id: str
    owner_id: str
    team_id: str
    frame: bytes


def as_event(row: EventRow) -> Event:
    """An event as the API shows it."""
    return Event(id=row.id, job_id=row.job_id, type=row.type, at=row.at, message=row.message, data=dict(row.data))


def framed(row: EventRow) -> FramedEvent:
    """An event as a server-sent one; its id is what `Last-Event-ID` brings back."""
    frame = event_frame(as_event(row).model_dump_json(), event=row.type, event_id=str(row.id))
    return FramedEvent(row.id, row.job_id, row.owner_id, row.team_id, frame)


class RecentEvents:
    """Every event with an id over `floor`, up to `newest`."""

    def __init__(self, capacity: int = _KEPT_EVENTS) -> None:
        self._capacity = capacity
        self._events: deque[FramedEvent] = deque()
        self.floor = 0
        self.newest = 0

    def begin(self, newest: int) -> None:
        """Start behind this id: later events are kept."""
        self.floor = self.newest = newest

    def add(self, rows: Iterable[EventRow]) -> None:
        """Take in the next events, in their order."""
        for row in rows:
            self._events.append(framed(row))
            self.newest = row.id
        self._let_go()

    def pass_over(self, event_id: int) -> None:
        """Up to this one there is nothing more that can be shown."""
        self.newest = max(self.newest, event_id)

    def after(self, event_id: int, job_id: str | None) -> list[FramedEvent] | None:
        """The events after this one, of a job or of all; None where the database must be asked."""
        if event_id < self.floor:
            return None
        found = []
        for event in reversed(self._events):
            if event.id <= event_id:
                break
            if job_id is None or event.job_id == job_id:
                found.append(event)
        return found[::-1]

    def _let_go(self) -> None:
        while len(self._events) > self._capacity:
            self.floor = self._events.popleft().id
