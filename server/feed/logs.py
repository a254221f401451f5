"""A log as it grows: text in server-sent events, from attempt to attempt, until the job has ended."""

import codecs
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from server.feed.cache import Feed, logs_subject
from server.http.event_stream import HEARTBEAT, HEARTBEAT_SECONDS, event_frame
from tuning.errors import NotFound, Unavailable
from tuning.jobs.output.logs import LogFile, LogPiece, log_extent, read_log
from tuning.jobs.status import ENDED
from tuning.people.tokens import Principal

_FRAME_BYTES = 64 * 1024


@dataclass(frozen=True)
class LogPlace:
    """Place of a reader in a job's logs: `attempt:offset` as an event's id."""

    attempt: int
    offset: int

    def __str__(self) -> str:
        return f"{self.attempt}:{self.offset}"


def whole_text(content: bytes, *, is_end: bool) -> tuple[str, int]:
    """The text of these bytes and how many of them it took: a sequence cut at the end is left for the next time. Pure.

    What is no UTF-8 becomes U+FFFD; at the end of the log a cut sequence does too.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(content, final=is_end)
    return text, len(content) - len(decoder.getstate()[0])


async def log_frames(
    feed: Feed, user: Principal, job_id: str, stream: str, place: LogPlace, *, only_this_attempt: bool
) -> AsyncGenerator[bytes, None]:
    """Frames of a log: the text kept from this place on, then new text as it comes; `event: end` once all is over."""
    with feed.bells.listen(job_id, logs_subject(job_id)) as listener:
        while not feed.closing and feed.tokens.holds(user):
            try:
                entry = await feed.seen_entry(user, job_id)
                is_over = entry.state.status in ENDED or entry.state.attempt > place.attempt
                piece = await _next_piece(feed, (job_id, place.attempt, stream), place.offset)
            except NotFound:
                return
            except Unavailable:
                await listener.wait(HEARTBEAT_SECONDS)  # the stream stands still, and goes on where it was
                continue
            text, taken = whole_text(piece.content, is_end=is_over and len(piece.content) < _FRAME_BYTES)
            place = LogPlace(place.attempt, piece.offset + taken)
            if text:
                yield _text_frame(stream, place, piece.offset, text)
            elif is_over and (only_this_attempt or entry.state.attempt <= place.attempt):
                yield event_frame(json.dumps({"status": entry.state.status}), event="end")
                return
            elif is_over:
                place = LogPlace(place.attempt + 1, 0)
            elif not await listener.wait(HEARTBEAT_SECONDS):
                yield HEARTBEAT


def _text_frame(stream: str, place: LogPlace, offset: int, text: str) -> bytes:
    data = {"stream": stream, "attempt": place.attempt, "offset": offset, "text": text}
    return event_frame(json.dumps(data), event="log", event_id=str(place))


async def _next_piece(feed: Feed, log: LogFile, offset: int) -> LogPiece:
    """The bytes behind an offset; those who are at the same place share one reading."""
    return await feed.reads.for_reader(("log", log, offset), lambda session: _read_next(session, log, offset))


def _read_next(session: Session, log: LogFile, offset: int) -> LogPiece:
    extent = log_extent(session, log)
    # before what is kept: the reader was away for long; behind it: the file was cut short and begins again
    start = offset if extent.start <= offset <= extent.end else extent.start
    return read_log(session, log, start, _FRAME_BYTES)
