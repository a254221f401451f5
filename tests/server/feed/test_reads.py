"""Reads that many share: nobody gets an answer that is older than what memory told them already."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.feed.cache import Feed
from server.feed.logs import LogPlace, log_frames
from server.feed.reads import DatabaseReads
from tests.factories import NOON, Seconds
from tests.server.feeding import Frame, Sessions, Stream
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.output import logs
from tuning.jobs.output.growth import append_log
from tuning.jobs.queries import feed as feed_repository
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.people.tokens import Principal

pytestmark = pytest.mark.anyio

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

PATIENCE_SECONDS = 20


class Held:
    """Holds the first of some calls where it has its answer, until it may go on."""

    def __init__(self) -> None:
        self._has_read = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._may_end = threading.Event()
        self._calls = 0

    def holding(self, question: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
        """The same question; its first answer is held back."""

        def ask(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
            self._calls += 1
            is_first, answer = self._calls == 1, question(*args, **kwargs)
            if is_first:
                self._loop.call_soon_threadsafe(self._has_read.set)
                assert self._may_end.wait(PATIENCE_SECONDS)
            return answer

        return ask

    async def reached(self) -> None:
        """Wait until the first answer is there."""
        await asyncio.wait_for(self._has_read.wait(), PATIENCE_SECONDS)

    def let_go(self) -> None:
        """Give the first answer."""
        self._may_end.set()


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    found = Held()
    yield found
    found.let_go()


def happen(sessions: Sessions, job: Job, message: str) -> None:
    with transaction(sessions) as session:
        record_event(session, job.id, "warning", message, NOON)


def count_jobs(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Job)) or 0


async def test_a_read_is_shared_until_sharing_ends(sessions: Sessions, running_job: Job, held: Held) -> None:
    reads, asked = DatabaseReads(sessions), held.holding(count_jobs)
    first = asyncio.create_task(reads.for_reader("jobs", asked))
    await held.reached()
    shared = asyncio.create_task(reads.for_reader("jobs", lambda _: -1))
    await asyncio.sleep(0)
    reads.end_sharing()
    later = asyncio.create_task(reads.for_reader("jobs", lambda _: -2))
    await asyncio.sleep(0)
    held.let_go()
    assert (await first, await shared, await later) == (1, 1, -2)
    reads.close()


async def test_the_end_of_an_older_read_ends_no_sharing_of_a_newer_one(sessions: Sessions, held: Held) -> None:
    reads, newer = DatabaseReads(sessions), Held()
    first = asyncio.create_task(reads.for_reader("jobs", held.holding(count_jobs)))
    await held.reached()
    reads.end_sharing()
    second = asyncio.create_task(reads.for_reader("jobs", newer.holding(count_jobs)))
    await newer.reached()
    held.let_go()
    await first
    shared = asyncio.create_task(reads.for_reader("jobs", lambda _: -1))
    await asyncio.sleep(0)
    newer.let_go()
    assert (await second, await shared) == (0, 0)
    reads.close()


async def test_an_event_that_a_tick_brought_is_not_missed_by_an_older_read(
    feed: Feed, sessions: Sessions, running_job: Job, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would ring for it any more: a stream that missed it here would stand still until its heartbeat."""
    happen(sessions, running_job, "one")
    await feed.tick()
    feed.events.begin(feed.events.newest)  # as behind a restart: earlier ones are read from the database
    monkeypatch.setattr(feed_repository, "events_after", held.holding(feed_repository.events_after))
    first = asyncio.create_task(feed.events_after(0, None))
    await held.reached()
    happen(sessions, running_job, "two")
    await feed.tick()
    behind_the_tick = asyncio.create_task(feed.events_after(0, None))
    await asyncio.sleep(0)
    held.let_go()
    assert [event.id for event in (await behind_the_tick).events] == [1, 2]
    page = await first
    assert [event.id for event in page.events] == list(range(1, page.complete_to + 1))


async def test_the_last_text_of_a_log_comes_before_its_end(
    feed: Feed,
    reader: Principal,
    sessions: Sessions,
    running_job: Job,
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader who knows that the job has ended shares no read that began while it ran."""
    monkeypatch.setattr("server.feed.logs.read_log", held.holding(logs.read_log))

    def follow() -> Stream:
        frames = log_frames(feed, reader, running_job.id, "stdout", LogPlace(1, 0), only_this_attempt=False)
        return Stream(frames)

    early, late = follow(), follow()
    waiting = asyncio.create_task(early.next())
    await held.reached()
    with transaction(sessions) as session:
        append_log(session, running_job.id, 1, "stdout", 0, b"done\n")
        transition(session, session.get_one(Job, running_job.id), JobStatus.SUCCEEDED, "done", NOON)
    await feed.tick()
    behind_the_end = asyncio.create_task(late.next())
    await asyncio.sleep(0)
    held.let_go()
    for stream, frame in ((late, await behind_the_end), (early, await waiting)):
        assert frame is not None
        assert frame.data.get("text") == "done\n"
        assert await stream.next() == Frame("end", None, {"status": "succeeded"})


async def test_who_joins_a_read_does_not_make_its_answer_younger(
    feed: Feed,
    running_job: Job,
    seconds: Seconds,
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_repository, "job_states", held.holding(feed_repository.job_states))
    asked_at = seconds()
    first = asyncio.create_task(feed.entry(running_job.id))
    await held.reached()
    seconds.now += 5
    joined = asyncio.create_task(feed.entry(running_job.id))
    await asyncio.sleep(0)
    held.let_go()
    assert [entry.read_at for entry in (await first, await joined)] == [asked_at, asked_at]
