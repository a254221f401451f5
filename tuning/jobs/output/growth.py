"""Growing files of a run as rows: positions, pieces of logs, points of the training log; in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tuning.db.engine import Base
from tuning.jobs.models import FilePosition, LogChunk, MetricPoint

KEPT_LOG_BYTES = 256 * 1024
"""Of each log so much of the end stays in the database; the whole stays on the cluster."""


@dataclass(frozen=True)
class Position:
    """Position up to which a growing remote file has been read."""

    inode: int
    size_bytes: int
    """Looked at so far; beyond the offset when a half line is held back."""
    offset_bytes: int
    """Taken in so far."""
    bad_lines: int = 0


@dataclass(frozen=True)
class Point:
    """One step's values, as one line of the training log told them."""

    step: int
    kind: str
    epoch: float | None
    values: dict[str, Any]


def save_position(session: Session, job_id: str, number: int, stream: str, position: Position) -> None:
    """Move a stream's position."""
    save_positions(session, {(job_id, number, stream): position})


def save_positions(session: Session, positions: Mapping[tuple[str, int, str], Position]) -> None:
    """Move those of many, each by its job, attempt and stream."""
    rows = [
        {
            "job_id": job_id,
            "attempt": number,
            "stream": stream,
            "inode": position.inode,
            "size_bytes": position.size_bytes,
            "offset_bytes": position.offset_bytes,
            "bad_lines": position.bad_lines,
        }
        for (job_id, number, stream), position in positions.items()
    ]
    _upsert(session, FilePosition, rows, ("job_id", "attempt", "stream"))


def append_log(session: Session, job_id: str, number: int, stream: str, offset: int, content: bytes) -> None:
    """Keep a piece of a log, and let go of what lies further back than is kept."""
    key = {"job_id": job_id, "attempt": number, "stream": stream}
    _upsert(
        session,
        LogChunk,
        [{**key, "offset_bytes": offset, "content": content}],
        ("job_id", "attempt", "stream", "offset_bytes"),
    )
    ends_before = LogChunk.offset_bytes + func.length(LogChunk.content) < offset + len(content) - KEPT_LOG_BYTES
    # a file that was cut short starts again at 0: what lay beyond is no longer there
    lies_beyond = LogChunk.offset_bytes > offset
    session.execute(
        delete(LogChunk).filter_by(**key).where(ends_before | lies_beyond),
        execution_options={"synchronize_session": False},
    )


def log_end(session: Session, job_id: str, number: int, stream: str, length: int) -> bytes:
    """The last bytes of a log, as far as they are kept."""
    chunks = session.scalars(
        select(LogChunk.content)
        .where(LogChunk.job_id == job_id, LogChunk.attempt == number, LogChunk.stream == stream)
        .order_by(LogChunk.offset_bytes)
    )
    return b"".join(chunks)[-length:]


def save_points(session: Session, points: Mapping[tuple[str, int], Sequence[Point]], now: datetime) -> None:
    """Keep points, by job and attempt; one that repeats (a step done again after a resume) replaces the older one."""
    newest = {(*own, point.step, point.kind): point for own, its in points.items() for point in its}
    rows = [
        {
            "job_id": job_id,
            "attempt": number,
            "step": step,
            "kind": kind,
            "at": now,
            "epoch": point.epoch,
            "values": point.values,
        }
        for (job_id, number, step, kind), point in newest.items()
    ]
    _upsert(session, MetricPoint, rows, ("job_id", "attempt", "step", "kind"))


def _upsert(session: Session, table: type[Base], rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    if not rows:
        return
    statement = _replacing(table, session.get_bind().dialect.name, tuple(rows[0]), key)
    session.connection().execute(statement, rows)


@cache
def _replacing(table: type[Base], dialect: str, names: tuple[str, ...], key: tuple[str, ...]) -> Executable:
    """Kept: to build it costs more than to run it, and each cycle runs it for each file that grew."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    replaced = {name: insert.excluded[name] for name in names if name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=replaced)
