"""Queries of the server's feed: narrow rows, for many readers at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from tuning.containment import Contained
from tuning.db.database_errors import DATABASE_TROUBLE
from tuning.errors import NotFound
from tuning.jobs.models import FilePosition, Job, JobEvent
from tuning.jobs.output.logs import LogFile
from tuning.jobs.status import JobStatus

_BATCH = 500
"""Values in one IN list: far under what SQLite (32,766) and PostgreSQL (65,535) take."""


@dataclass(frozen=True, slots=True)
class JobState:
    """Status and progress of a job for its readers, with columns that the feed itself needs. Times are aware UTC."""

    id: str
    status: JobStatus
    owner_id: str
    team_id: str
    cluster: str
    version: int
    attempt: int
    current_steps: int | None
    total_steps: int | None
    percentage: float | None
    epoch: float | None
    loss: float | None
    eval_loss: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    elapsed_seconds: float | None
    eta_seconds: float | None
    eta_low_seconds: float | None
    eta_high_seconds: float | None
    expected_end_at: datetime | None
    expected_start_at: datetime | None
    stalled_since: datetime | None
    updated_at: datetime
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of a job, with whose job it is."""

    id: int
    job_id: str
    owner_id: str
    team_id: str
    at: datetime
    type: str
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobPlace:
    """Cluster and attempt of a job's files, and whether they may grow."""

    id: str
    owner_id: str
    team_id: str
    cluster: str
    attempt: int
    status: JobStatus


class Reader(Protocol):
    """Reader of a job's words (tuning.people.tokens.Principal)."""

    def may_see(self, owner_id: str, team_id: str) -> bool:
        """Whether a job of this owner and team may be seen by them."""
        ...


_STATE_COLUMNS = tuple(getattr(Job, name) for name in JobState.__slots__)
_EVENT_COLUMNS = (
    JobEvent.id,
    JobEvent.job_id,
    Job.owner_id,
    Job.team_id,
    JobEvent.at,
    JobEvent.type,
    JobEvent.message,
    JobEvent.data,
)
_EVENTS = select(*_EVENT_COLUMNS).join(Job, Job.id == JobEvent.job_id)
_PLACE_COLUMNS = tuple(getattr(Job, name) for name in JobPlace.__slots__)


def newest_change(session: Session) -> datetime | None:
    """The greatest `updated_at` of all jobs; None where there is no job."""
    return session.scalar(select(func.max(Job.updated_at)))


def versions_since(session: Session, since: datetime) -> list[tuple[str, int, datetime]]:
    """(id, version, updated_at) of the jobs that were changed at `since` or later."""
    rows = session.execute(select(Job.id, Job.version, Job.updated_at).where(Job.updated_at >= since))
    return list(rows)


def job_states(session: Session, job_ids: Iterable[str]) -> list[JobState]:
    """The states of these jobs, as far as they exist."""
    found: list[Row[Any]] = []
    for batch in _batches(job_ids):
        found += session.execute(select(*_STATE_COLUMNS).where(Job.id.in_(batch))).all()
    return [_state(row) for row in found]


def job_place(session: Session, job_id: str, reader: Reader) -> JobPlace:
    """The cluster and attempt of a job's files. Raises NotFound, also where the reader may not see the job."""
    row = session.execute(select(*_PLACE_COLUMNS).where(Job.id == job_id)).one_or_none()
    place = JobPlace(*row) if row is not None else None
    if place is None or not reader.may_see(place.owner_id, place.team_id):
        raise NotFound(f"there is no job {job_id}")
    return place


def newest_event_id(session: Session) -> int:
    """The id of the newest event; 0 where there is none."""
    return session.scalar(select(func.max(JobEvent.id))) or 0


def events_after(session: Session, after: int, limit: int, job_id: str | None = None) -> list[EventRow]:
    """At most `limit` events with greater ids, in order; of one job, or of all."""
    query = _EVENTS.where(JobEvent.id > after)
    if job_id is not None:
        query = query.where(JobEvent.job_id == job_id)
    return [EventRow(*row) for row in session.execute(query.order_by(JobEvent.id).limit(limit))]


def newest_events(session: Session, job_id: str, limit: int, *conditions: ColumnElement[bool]) -> list[EventRow]:
    """At most `limit` events of a job that meet the conditions, the newest first."""
    query = _EVENTS.where(JobEvent.job_id == job_id, *conditions)
    return [EventRow(*row) for row in session.execute(query.order_by(JobEvent.id.desc()).limit(limit))]


def events_one_by_one(
    session: Session, after: int, limit: int, job_id: str | None = None
) -> tuple[list[EventRow], list[tuple[str, BaseException]], int]:
    """Events of `events_after`, where some cannot be read: the others, job and error of each such, and the last id."""
    query = select(JobEvent.id, JobEvent.job_id).where(JobEvent.id > after)
    if job_id is not None:
        query = query.where(JobEvent.job_id == job_id)
    found: list[EventRow] = []
    failed: list[tuple[str, BaseException]] = []
    places = session.execute(query.order_by(JobEvent.id).limit(limit)).all()
    for event_id, of in places:
        with Contained(*DATABASE_TROUBLE) as attempt:
            found.append(EventRow(*session.execute(_EVENTS.where(JobEvent.id == event_id)).one()))
        if attempt.error is not None:
            failed.append((of, attempt.error))
    return found, failed, places[-1][0] if places else after


def log_positions(session: Session, job_ids: Collection[str]) -> dict[LogFile, int]:
    """Number of bytes of these jobs' logs (stdout, stderr) that have been read."""
    found: dict[LogFile, int] = {}
    columns = (FilePosition.job_id, FilePosition.attempt, FilePosition.stream, FilePosition.offset_bytes)
    for batch in _batches(job_ids):
        wanted = (FilePosition.job_id.in_(batch), FilePosition.stream.in_(("stdout", "stderr")))
        rows = session.execute(select(*columns).where(*wanted))
        found.update({(job_id, attempt, stream): offset for job_id, attempt, stream, offset in rows})
    return found


def _state(row: Row[Any]) -> JobState:
    job_id, status, *others = tuple(row)
    return JobState(job_id, JobStatus(status), *others)  # the column itself is plain text


def _batches(values: Iterable[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(values)
    return (ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH))
