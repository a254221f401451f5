"""The kept part of a job's logs: byte ranges of stdout and stderr, read from the database alone."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tuning.jobs.models import FilePosition, LogChunk

LogFile = tuple[str, int, str]
"""Job id, attempt, and stdout or stderr."""


@dataclass(frozen=True)
class LogExtent:
    """Range of a log that is in the database, without a gap: from `start` up to `end`, where it has been read to."""

    start: int
    end: int


@dataclass(frozen=True)
class LogPiece:
    """Some bytes of a log, and where they begin in the file."""

    offset: int
    content: bytes

    @property
    def end(self) -> int:
        """Offset in the file of the next byte behind this piece."""
        return self.offset + len(self.content)


def log_extent(session: Session, log: LogFile) -> LogExtent:
    """Kept range of a log; an empty extent where nothing is kept, at the place that it has been read to."""
    start = end = _read_to(session, log)
    for offset, length in reversed(_chunks(session, log)):
        if offset + length < start:
            break  # a gap: what lies before it can be had from the cluster only
        start, end = offset, max(end, offset + length)
    return LogExtent(start, end)


def read_log(session: Session, log: LogFile, offset: int, limit: int) -> LogPiece:
    """At most `limit` bytes from `offset` on, which must lie in the log's extent (see log_extent)."""
    job_id, attempt, stream = log
    columns = (LogChunk.job_id == job_id, LogChunk.attempt == attempt, LogChunk.stream == stream)
    before = select(func.max(LogChunk.offset_bytes)).where(*columns, LogChunk.offset_bytes <= offset)
    wanted = (LogChunk.offset_bytes >= before.scalar_subquery(), LogChunk.offset_bytes < offset + limit)
    rows = session.execute(
        select(LogChunk.offset_bytes, LogChunk.content).where(*columns, *wanted).order_by(LogChunk.offset_bytes)
    )
    content = bytearray()
    for start, piece in rows:
        position = offset + len(content)
        if start > position:
            break
        content += piece[position - start :]
    return LogPiece(offset, bytes(content[:limit]))


def last_lines(piece: LogPiece, count: int, *, from_line_start: bool) -> LogPiece:
    """The last `count` lines of a piece. Pure.

    A first line that is cut (`from_line_start` false) is left out, unless it is all there is.
    """
    content, start = piece.content, 0
    if not from_line_start:
        start = (content.find(b"\n") + 1) % max(1, len(content))
    cut = len(content) - 1 if content.endswith(b"\n") else len(content)
    for _ in range(count):
        cut = content.rfind(b"\n", start, cut)
        if cut < start:
            return LogPiece(piece.offset + start, content[start:])
    return LogPiece(piece.offset + cut + 1, content[cut + 1 :])


def _chunks(session: Session, log: LogFile) -> list[tuple[int, int]]:
    job_id, attempt, stream = log
    columns = (LogChunk.job_id == job_id, LogChunk.attempt == attempt, LogChunk.stream == stream)
    sizes = select(LogChunk.offset_bytes, func.length(LogChunk.content)).where(*columns)
    return list(session.execute(sizes.order_by(LogChunk.offset_bytes)))


def _read_to(session: Session, log: LogFile) -> int:
    position = session.get(FilePosition, log)
    return position.offset_bytes if position is not None else 0
