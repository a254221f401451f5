"""A log as it grows."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.feed.cache import Feed
from server.feed.logs import LogPlace, log_frames, whole_text
from tests.factories import NOON
from tests.server.feeding import Frame, Sessions, Stream, Waits
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.output.growth import Position, append_log, save_position
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import transition
from tuning.people.tokens import Principal


@given(st.text(), st.lists(st.integers(0, 60), max_size=5))
def test_text_survives_any_cut(text: str, cuts: list[int]) -> None:
    content = text.encode()
    found, start = "", 0
    for cut in [*sorted(cuts), len(content)]:
        piece, taken = whole_text(content[start:cut], is_end=False)
        found, start = found + piece, start + taken
    assert (found, start) == (text, len(content))


@given(st.binary(max_size=50))
def test_foreign_bytes_become_text_at_the_end(content: bytes) -> None:
    assert whole_text(content, is_end=True) == (content.decode(errors="replace"), len(content))


@pytest.mark.anyio
class TestTheStream:
    async def test_what_is_kept_then_what_comes_then_the_end(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, waits: Waits
    ) -> None:
        write(sessions, running_job, 0, b"loading\n")
        stream = follow(feed, reader, running_job)
        assert await text_of(stream) == ("loading\n", "1:8")
        waiting = asyncio.create_task(text_of(stream))
        await waits.next()
        write(sessions, running_job, 8, b"10%\r20%\n")
        await feed.tick()
        assert await asyncio.wait_for(waiting, 5) == ("10%\r20%\n", "1:16")
        write(sessions, running_job, 16, b"done\n")
        end(sessions, running_job)
        await feed.tick()
        assert await text_of(stream) == ("done\n", "1:21")
        assert await stream.next() == Frame("end", None, {"status": "succeeded"})
        assert await stream.next() is None

    async def test_half_a_character_waits_for_its_other_half(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, waits: Waits
    ) -> None:
        content = "損失".encode()
        write(sessions, running_job, 0, content[:4])
        stream = follow(feed, reader, running_job)
        assert await text_of(stream) == ("損", "1:3")
        waiting = asyncio.create_task(text_of(stream))
        await waits.next()
        write(sessions, running_job, 4, content[4:])
        await feed.tick()
        assert await asyncio.wait_for(waiting, 5) == ("失", "1:6")
        await stream.close()

    async def test_a_reader_finds_its_place_again(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        write(sessions, running_job, 0, b"one\ntwo\n")
        stream = follow(feed, reader, running_job, LogPlace(1, 4))
        assert await text_of(stream) == ("two\n", "1:8")
        await stream.close()

    async def test_a_log_that_begins_again_is_read_from_its_start(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        write(sessions, running_job, 0, b"again\n")
        stream = follow(feed, reader, running_job, LogPlace(1, 900))
        assert await text_of(stream) == ("again\n", "1:6")
        await stream.close()

    async def test_a_place_that_is_not_kept_any_more_leads_to_what_is(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        write(sessions, running_job, 900, b"late\n")
        stream = follow(feed, reader, running_job)
        frame = await stream.next()
        assert frame is not None
        assert (frame.data["offset"], frame.data["text"]) == (900, "late\n")
        await stream.close()

    async def test_a_log_longer_than_a_frame_comes_whole(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        text = "é" * 70_000  # two bytes each, so that the frames' edge cuts one... behind the first byte
        write(sessions, running_job, 0, b"x" + text.encode())
        end(sessions, running_job)
        stream = follow(feed, reader, running_job)
        found = ""
        while (frame := await stream.next()) is not None and frame.event == "log":
            found += frame.data["text"]
        assert found == "x" + text

    async def test_a_further_attempt_is_followed(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        write(sessions, running_job, 0, b"first\n")
        with transaction(sessions) as session:
            session.execute(update(Job).values(attempt=2, version=Job.version + 1))
            add(session, running_job, 0, b"second\n", attempt=2)
        stream = follow(feed, reader, running_job)
        assert await text_of(stream) == ("first\n", "1:6")
        assert await text_of(stream) == ("second\n", "2:7")
        await stream.close()

    async def test_one_attempt_ends_where_the_next_begins(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        write(sessions, running_job, 0, b"first\n")
        with transaction(sessions) as session:
            session.execute(update(Job).values(attempt=2, version=Job.version + 1))
        frames = log_frames(feed, reader, running_job.id, "stdout", LogPlace(1, 0), only_this_attempt=True)
        stream = Stream(frames)
        assert await text_of(stream) == ("first\n", "1:6")
        assert await stream.next() == Frame("end", None, {"status": "running"})
        assert await stream.next() is None

    async def test_a_job_that_never_ran_ends_without_text(
        self, feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
    ) -> None:
        with transaction(sessions) as session:
            session.execute(update(Job).values(status=JobStatus.CANCELLED, attempt=0))
        stream = follow(feed, reader, running_job)
        assert await stream.next() == Frame("end", None, {"status": "cancelled"})
        assert await stream.next() is None

    async def test_the_end_of_the_server_ends_the_stream(
        self, feed: Feed, reader: Principal, running_job: Job, waits: Waits
    ) -> None:
        waiting = asyncio.create_task(follow(feed, reader, running_job).next())
        await waits.next()
        feed.end_waits()
        assert await asyncio.wait_for(waiting, 5) is None


def follow(feed: Feed, reader: Principal, job: Job, place: LogPlace = LogPlace(1, 0)) -> Stream:
    return Stream(log_frames(feed, reader, job.id, "stdout", place, only_this_attempt=False))


async def text_of(stream: Stream) -> tuple[str, str | None]:
    frame = await asyncio.wait_for(stream.next(), 5)
    assert frame is not None
    assert frame.event == "log"
    return frame.data["text"], frame.id


def add(session: Session, job: Job, offset: int, content: bytes, attempt: int = 1) -> None:
    append_log(session, job.id, attempt, "stdout", offset, content)
    end = offset + len(content)
    save_position(session, job.id, attempt, "stdout", Position(7, end, end))


def write(sessions: Sessions, job: Job, offset: int, content: bytes) -> None:
    with transaction(sessions) as session:
        add(session, job, offset, content)


def end(sessions: Sessions, job: Job) -> None:
    with transaction(sessions) as session:
        transition(session, session.get_one(Job, job.id), JobStatus.SUCCEEDED, "trained", NOON)
