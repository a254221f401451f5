"""Streams of events: nothing is lost, nothing comes twice, and they end when they must."""

import asyncio

import pytest
from sqlalchemy import delete, update

from server.feed.cache import Feed
from server.feed.streams import all_job_frames, job_frames
from tests.factories import NOON, make_job
from tests.server.conftest import Database
from tests.server.feeding import PATIENCE_SECONDS, Sessions, Stream, Waits
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.queries.driver import update_jobs
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.people.models import Token, User
from tuning.people.tokens import Principal

pytestmark = pytest.mark.anyio


def happen(sessions: Sessions, job: Job, *messages: str) -> None:
    with transaction(sessions) as session:
        for message in messages:
            record_event(session, job.id, "warning", message, NOON)


def step(sessions: Sessions, job: Job, steps: int) -> None:
    with transaction(sessions) as session:
        update_jobs(session, [{"id": job.id, "current_steps": steps}], NOON)


async def messages(stream: Stream, count: int) -> list[str]:
    """The messages of the next events, progress left out."""
    found: list[str] = []
    while len(found) < count:
        frame = await asyncio.wait_for(stream.next(), 5)
        assert frame is not None
        if frame.event != "progress":
            found.append(frame.data["message"])
    return found


async def test_what_happened_comes_first_then_the_progress_then_what_happens(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
) -> None:
    happen(sessions, running_job, "one", "two")
    await feed.tick()
    stream = Stream(job_frames(feed, reader, running_job.id, 0))
    assert await messages(stream, 2) == ["one", "two"]
    progress = await stream.next()
    assert progress is not None
    assert (progress.event, progress.id, progress.data["current_steps"]) == ("progress", None, 1)
    happen(sessions, running_job, "three")
    step(sessions, running_job, 2)
    await feed.tick()
    assert await messages(stream, 1) == ["three"]
    changed = await stream.next()
    assert changed is not None
    assert (changed.event, changed.data["current_steps"]) == ("progress", 2)
    await stream.close()
    assert feed.bells.subjects() == frozenset()


async def test_a_stream_of_all_jobs_tells_each_change_once(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, user: User, waits: Waits
) -> None:
    with transaction(sessions) as session:
        other = make_job(session, user, status=JobStatus.RUNNING, attempt=1)
    for job in (running_job, other):
        await feed.entry(job.id)
    stream = Stream(all_job_frames(feed, reader, feed.events.newest))
    told: list[tuple[str, int]] = []
    for job, steps in ((running_job, 2), (other, 3), (running_job, 4)):
        reading = asyncio.create_task(stream.next())
        await waits.next()
        step(sessions, job, steps)
        await feed.tick()
        frame = await asyncio.wait_for(reading, PATIENCE_SECONDS)
        assert frame is not None
        told.append((frame.data["job_id"], frame.data["current_steps"]))
    assert told == [(running_job.id, 2), (other.id, 3), (running_job.id, 4)]


async def test_a_reader_finds_its_place_again(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
) -> None:
    """Every break, at every place: each event once."""
    happen(sessions, running_job, *(str(number) for number in range(5)))
    await feed.tick()
    happen(sessions, running_job, *(str(number) for number in range(5, 10)))
    await feed.tick()
    seen, after = list[str](), 0
    for _ in range(10):
        stream = Stream(job_frames(feed, reader, running_job.id, after))
        frame = await stream.next()
        assert frame is not None
        assert frame.id is not None
        seen.append(frame.data["message"])
        after = int(frame.id)
        await stream.close()
    assert seen == [str(number) for number in range(10)]


async def test_a_reader_far_behind_catches_up_from_the_database(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, user: User
) -> None:
    """More than a page of the database, and more than memory keeps, with the events of others between."""
    with transaction(sessions) as session:
        other = make_job(session, user)
    for number in range(6):
        happen(sessions, running_job, *(f"{number}-{place}" for place in range(200)))
        happen(sessions, other, "not mine")
    feed.events._capacity = 100
    await feed.tick()
    stream = Stream(job_frames(feed, reader, running_job.id, 0))
    expected = [f"{number}-{place}" for number in range(6) for place in range(200)]
    assert await messages(stream, 1200) == expected
    await stream.close()


async def test_a_slow_reader_misses_nothing(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
) -> None:
    """While a frame is being sent nobody waits for the bell; what rang meanwhile is found afterwards."""
    frames = job_frames(feed, reader, running_job.id, feed.events.newest)
    await anext(frames)
    await anext(frames)
    for message in ("one", "two"):
        happen(sessions, running_job, message)
        await feed.tick()
    stream = Stream(frames)
    assert await messages(stream, 2) == ["one", "two"]
    await stream.close()


async def test_all_jobs_in_one_stream(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, user: User, waits: Waits
) -> None:
    with transaction(sessions) as session:
        other = make_job(session, user)
    frames = all_job_frames(feed, reader, feed.events.newest)
    assert await anext(frames) == f"id: {feed.events.newest}\n\n".encode()
    stream = Stream(frames)
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    happen(sessions, running_job, "one")
    happen(sessions, other, "two")
    step(sessions, other, 7)
    await feed.tick()
    first = await asyncio.wait_for(waiting, 5)
    assert first is not None
    assert first.data["message"] == "one"
    assert await messages(stream, 1) == ["two"]
    progress = {
        frame.data["job_id"]: frame.data["current_steps"]
        for frame in [await stream.next(), await stream.next()]
        if frame
    }
    assert progress == {running_job.id: 1, other.id: 7}
    await stream.close()


async def test_a_revoked_token_ends_its_streams(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
) -> None:
    stream = Stream(job_frames(feed, reader, running_job.id, feed.events.newest))
    await stream.next()
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    with transaction(sessions) as session:
        session.execute(update(Token).values(revoked_at=NOON))
    await feed.tick()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_the_end_of_the_server_ends_the_streams(feed: Feed, reader: Principal, running_job: Job) -> None:
    stream = Stream(job_frames(feed, reader, running_job.id, feed.events.newest))
    await stream.next()
    waiting = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    feed.end_waits()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_a_deleted_job_ends_its_stream(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job
) -> None:
    stream = Stream(job_frames(feed, reader, running_job.id, feed.events.newest))
    await stream.next()
    with transaction(sessions) as session:
        session.execute(delete(Job).where(Job.id == running_job.id))
    feed.board = type(feed.board)()
    await feed.bells.ring({running_job.id})
    assert await asyncio.wait_for(stream.next(), 5) is None


async def test_a_stream_stands_still_while_the_database_is_away(
    feed: Feed, reader: Principal, sessions: Sessions, running_job: Job, database: Database, waits: Waits
) -> None:
    happen(sessions, running_job, "one")
    database.is_away = True
    frames = job_frames(feed, reader, running_job.id, 0)
    feed.events.begin(10**6)  # so that memory cannot tell
    waiting = asyncio.create_task(anext(frames))
    assert (await waiting).startswith(b"id: ")
    stream = Stream(frames)
    reading = asyncio.create_task(stream.next())
    await waits.next()
    assert not reading.done()
    database.is_away = False
    await feed.bells.ring({running_job.id})
    frame = await asyncio.wait_for(reading, 5)
    assert frame is not None
    assert frame.data["message"] == "one"
    await stream.close()
