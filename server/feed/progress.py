"""Answers to polls of a job's progress: made once for each version, and kept as bytes."""

from dataclasses import fields
from datetime import datetime

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.feed.queue.view import Outlook, expected_values, has_moved
from server.http.event_stream import event_frame
from tuning.jobs.queries.feed import JobState
from tuning.jobs.status import IN_OUR_QUEUE, NOT_BEGUN, JobStatus


class Progress(BaseModel):
    """Progress of a job, as the database had it at `updated_at`; the durations count from then."""

    job_id: str
    status: JobStatus
    version: int = Field(description="Grows with every change; give it as `since` to wait for the next one.")
    current_steps: int | None
    total_steps: int | None
    percentage: float | None
    epoch: float | None
    loss: float | None = Field(description="Null before the first step that was logged, and where training diverged.")
    eval_loss: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    elapsed_seconds: float | None
    eta_seconds: float | None = Field(
        description="To the end of the whole job, the wait in the queues included; null where nothing can tell. "
        "While a run logs nothing it is told anew after a hundredth of itself, and after 15 s at the earliest."
    )
    eta_low_seconds: float | None
    eta_high_seconds: float | None
    expected_end_at: datetime | None = Field(
        description="Moves later while what comes next (a line, an evaluation, a save) takes longer than it should."
    )
    expected_start_at: datetime | None
    queue_position: int | None = Field(
        description="From 1, in packtrain's own queue of the cluster; null once submitted."
    )
    stalled_since: datetime | None
    updated_at: datetime = Field(
        description="When the database had it so; of a job that has not begun, when its forecast was made."
    )
    observed_at: datetime | None = Field(description="When the cluster last answered a question about this job.")
    unattended_since: datetime | None = Field(
        default=None,
        description="Since then no worker has driven the job's cluster: nothing newer is known; null while one does.",
    )


_SHARED = tuple(field.name for field in fields(JobState) if field.name in Progress.model_fields)


class ReadyResponse(Response):
    """An answer made before it was asked for: nothing is left to do for a request but to send it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # a copy, since middleware may add headers to the list that it sees
        headers = list(self.raw_headers)
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class ProgressEntry:
    """A job's state, place in the queue and forecast, and the answers made of them when they are first wanted."""

    __slots__ = ("_frame", "_full", "_unchanged", "etag", "outlook", "read_at", "state", "unattended_since")

    def __init__(
        self, state: JobState, outlook: Outlook | None, read_at: float, unattended_since: datetime | None = None
    ) -> None:
        self.state = state
        self.outlook = outlook if state.status in NOT_BEGUN else None
        self.read_at = read_at
        """Monotonic seconds: when the database said so."""
        self.unattended_since = unattended_since
        alone = f"-{unattended_since.timestamp():.0f}" if unattended_since is not None else ""
        # weak: after a restart the same version may be written with another spacing
        self.etag = f'W/"{state.version}-{self.queue_position or 0}{_forecast_tag(self.outlook)}{alone}"'
        self._full: ReadyResponse | None = None
        self._unchanged: ReadyResponse | None = None
        self._frame: bytes | None = None

    @property
    def queue_position(self) -> int | None:
        """The place in our queue; None once submitted."""
        return self.outlook.position if self.outlook is not None and self.state.status in IN_OUR_QUEUE else None

    @property
    def has_not_begun(self) -> bool:
        """Whether the job has a place or a forecast, which change without its version."""
        return self.state.status in NOT_BEGUN

    def is_moved_by(self, outlook: Outlook) -> bool:
        """Whether readers are to be told of another place, or of a forecast that has moved by more than a little."""
        if not self.has_not_begun:
            return False
        return self.outlook is None or has_moved(self.outlook, outlook)

    def at(self, outlook: Outlook, read_at: float) -> "ProgressEntry":
        """The same state in another place of the queue, or with another forecast."""
        return ProgressEntry(self.state, outlook, read_at, self.unattended_since)

    def unattended(self, since: datetime | None) -> "ProgressEntry":
        """The same, while no worker has driven its cluster since then (None: one does)."""
        if since == self.unattended_since:
            return self
        return ProgressEntry(self.state, self.outlook, self.read_at, since)

    @property
    def full(self) -> ReadyResponse:
        """The 200."""
        if self._full is None:
            self._full = ReadyResponse(self._json(), 200, {"ETag": self.etag}, "application/json")
        return self._full

    @property
    def unchanged(self) -> ReadyResponse:
        """The 304."""
        if self._unchanged is None:
            self._unchanged = ReadyResponse(None, 304, {"ETag": self.etag})
        return self._unchanged

    @property
    def frame(self) -> bytes:
        """The progress as a server-sent event."""
        if self._frame is None:
            self._frame = event_frame(self._json(), event="progress")
        return self._frame

    def is_named_by(self, if_none_match: str | None) -> bool:
        """Whether an If-None-Match header names this answer (RFC 9110 section 13.1.2: a list, compared weakly)."""
        if if_none_match is None or if_none_match == self.etag:
            return if_none_match is not None
        wanted = self.etag.removeprefix("W/")
        return any(each.strip().removeprefix("W/") in (wanted, "*") for each in if_none_match.split(","))

    def is_known_since(self, version: int) -> bool:
        """Whether a reader of that version has nothing to learn here: memory may be behind what the job itself said."""
        return self.state.version <= version

    def answer(self, if_none_match: str | None) -> ReadyResponse:
        """The 304 for who has this already, else the 200."""
        return self.unchanged if self.is_named_by(if_none_match) else self.full

    def _json(self) -> str:
        values = {name: getattr(self.state, name) for name in _SHARED}
        # not validated: the rows have these types already
        values |= {"queue_position": self.queue_position, "unattended_since": self.unattended_since}
        values |= expected_values(self.outlook, self.state.updated_at)
        progress = Progress.model_construct(job_id=self.state.id, **values)
        return progress.model_dump_json()


def _forecast_tag(outlook: Outlook | None) -> str:
    if outlook is None or outlook.forecast is None:
        return ""
    return f"-{outlook.forecast.starts_at.expected:.0f}-{outlook.forecast.ends_at.expected:.0f}"
