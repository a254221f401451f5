"""One job of fifty at which a step of the feed fails: the others are told as ever, and the feed goes on."""

import asyncio
import importlib
import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from server.feed.cache import Feed
from server.feed.streams import all_job_frames
from server.feed.tick import ReadEvents, read_events
from server.feed.wakeups import EVERYTHING
from tests.factories import NOON, Clock, Seconds, make_job
from tests.server.feeding import Frame, Stream
from tuning.db.engine import transaction
from tuning.jobs.models import Job, JobEvent, Trouble
from tuning.jobs.output.growth import Position, append_log, save_position
from tuning.jobs.queries.driver import update_jobs
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event
from tuning.jobs.troubles import LONGEST_PAUSE, Step
from tuning.people.models import User
from tuning.people.tokens import Principal

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

JOBS = 50


class Unheard(BaseException):
    """An error as a library in another language may raise it: not even an Exception."""


ERRORS = (
    ValueError("bad"),
    OverflowError("large"),
    KeyError("gone"),
    RecursionError("deep"),
    MemoryError(),
    Unheard("panic"),
)
WAYS: dict[str, list[str]] = {
    "feed_tick": ["tuning.jobs.queries.feed._state"],
    "feed_progress": ["server.feed.cache.ProgressEntry", "server.feed.progress.ProgressEntry._json"],
    "feed_events": ["server.feed.events.framed", "tuning.jobs.queries.feed.EventRow"],
    "feed_logs": ["server.feed.cache.logs_subject"],
    "feed_board": ["server.feed.progress_board.Board.move"],
}
"""Functions on the way of what is told of a job, by the step that an error in them belongs to."""


def test_every_step_of_the_feed_is_broken_here() -> None:
    assert WAYS.keys() == {step.value for step in Step if step.startswith("feed_")}


class Fault:
    """Makes a function fail whenever it is called for the culprit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: str, culprit: str, error: BaseException) -> None:
        self.is_there, self.hits = True, 0
        self._culprit, self._error = culprit, error
        module, _, name = place.rpartition(".")
        if module.rpartition(".")[2][0].isupper():
            within, _, kind = module.rpartition(".")
            owner = getattr(importlib.import_module(within), kind)
        else:
            owner = importlib.import_module(module)
        monkeypatch.setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*arguments: Any, **named: Any) -> Any:
            if self.is_there and any(self._culprit in _text(one) for one in arguments):
                self.hits += 1
                raise self._error
            return function(*arguments, **named)

        return faulty


def _text(value: object) -> str:
    return "" if isinstance(value, dict) else repr(getattr(value, "state", value))  # a dictionary is of all jobs


class Lab:
    """Fifty jobs that all say something new at once."""

    def __init__(self, feed: Feed, sessions: sessionmaker[Session], user: User) -> None:
        self.feed, self.sessions = feed, sessions
        with transaction(sessions) as session:
            running = [make_job(session, user, status=JobStatus.RUNNING, attempt=1) for _ in range(JOBS)]
            self.job_ids = [job.id for job in running]

    def say(self, steps: int) -> None:
        with transaction(self.sessions) as session:
            update_jobs(session, [{"id": one, "current_steps": steps} for one in self.job_ids], NOON)
            for job_id in self.job_ids:
                record_event(session, job_id, "checkpoint.saved", f"step {steps}", NOON)
                append_log(session, job_id, 1, "stdout", steps, b"x")
                save_position(session, job_id, 1, "stdout", Position(1, steps + 1, steps + 1))

    def troubles(self) -> list[tuple[str, str]]:
        with self.sessions() as session:
            return [(row.step, row.subject) for row in session.scalars(select(Trouble))]

    def warnings(self, job_id: str) -> int:
        wanted = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.type == "warning")
        with self.sessions() as session:
            return len(session.scalars(wanted).all())


@pytest.fixture
def lab(feed: Feed, sessions: sessionmaker[Session], user: User) -> Lab:
    return Lab(feed, sessions, user)


async def heard(stream: Stream, of: set[str], kind: str, steps: int) -> set[str]:
    """Of these jobs, those whose news came; reads no further than to the last of them."""
    found: set[str] = set()
    while not of <= found:
        frame = await stream.next()
        assert frame is not None
        if _is_news(frame, kind, steps):
            found.add(frame.data["job_id"])
    return found & of


def _is_news(frame: Frame, kind: str, steps: int) -> bool:
    if kind == "progress":
        return frame.event == "progress" and frame.data["current_steps"] == steps
    return frame.event == kind and frame.data["message"] == f"step {steps}"


def cases() -> list[Any]:
    errors = cycle(ERRORS)
    return [
        pytest.param(step, place, next(errors), id=place)
        for step, places in WAYS.items()
        for place in places
        if step not in ("feed_board", "feed_logs")
    ]


@on_sqlite
@pytest.mark.parametrize(("step", "place", "error"), cases())
async def test_the_others_are_told_of_as_ever(
    lab: Lab,
    reader: Principal,
    seconds: Seconds,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    place: str,
    error: BaseException,
) -> None:
    feed, culprit = lab.feed, lab.job_ids[17]
    others = set(lab.job_ids) - {culprit}
    streams = [Stream(all_job_frames(feed, reader, feed.events.newest)) for _ in range(2)]
    fault = Fault(monkeypatch, place, culprit, error)
    with feed.bells.listen(EVERYTHING):
        for steps in (1, 2):
            lab.say(steps)
            await feed.tick()
            for stream in streams:
                assert await heard(stream, others, "checkpoint.saved", steps) == others
                assert await heard(stream, others, "progress", steps) == others
        await feed.tick()
        assert fault.hits
        assert lab.troubles() == [(step, culprit)]
        assert lab.warnings(culprit) == 1
        fault.is_there = False
        seconds.now += 120  # longer than two pauses; a token that nobody uses for longer is looked up anew
        lab.say(3)
        await feed.tick()
        for stream in streams:
            assert await heard(stream, set(lab.job_ids), "checkpoint.saved", 3) == set(lab.job_ids)
            assert await heard(stream, set(lab.job_ids), "progress", 3) == set(lab.job_ids)
            await stream.close()
        await feed.tick()
    assert lab.troubles() == []


@on_sqlite
async def test_the_logs_of_the_others_are_heard_to_grow(
    lab: Lab, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, culprit = lab.feed, lab.job_ids[17]
    with ExitStack() as stack:
        listeners = {one: stack.enter_context(feed.bells.listen(f"{one}/logs")) for one in lab.job_ids}
        fault = Fault(monkeypatch, "server.feed.cache.logs_subject", culprit, ValueError("bad"))
        lab.say(1)
        await feed.tick()
        assert [one for one in lab.job_ids if not await listeners[one].wait(0)] == [culprit]
        assert lab.troubles() == [("feed_logs", culprit)]
        fault.is_there = False
        seconds.now += LONGEST_PAUSE.total_seconds()
        await feed.tick()
        assert [one for one in lab.job_ids if await listeners[one].wait(0)] == [culprit]
    await feed.tick()
    assert lab.troubles() == []


@on_sqlite
async def test_the_others_move_up_in_the_queue(
    feed: Feed, sessions: sessionmaker[Session], user: User, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions) as session:
        job_ids = sorted(make_job(session, user).id for _ in range(JOBS))  # made at one moment: by id
    for job_id in job_ids:
        await feed.entry(job_id)
    culprit = job_ids[17]
    fault = Fault(monkeypatch, "server.feed.progress_board.Board.move", culprit, KeyError("gone"))

    async def move_up() -> None:
        with transaction(sessions) as session:
            make_job(session, user, priority=10)
        seconds.now += 1  # so long a place is kept
        await feed.tick()

    def places() -> list[int | None]:
        entries = [feed.board.get(job_id) for job_id in job_ids]
        return [entry.queue_position for entry in entries if entry is not None]

    await move_up()
    assert fault.hits
    assert places() == [place + 1 if place != 18 else 18 for place in range(1, JOBS + 1)]
    fault.is_there = False
    seconds.now += LONGEST_PAUSE.total_seconds()
    await move_up()
    assert places() == [place + 2 for place in range(1, JOBS + 1)]


async def test_a_tick_that_fails_as_a_whole_is_tried_again(
    sessions: sessionmaker[Session], clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(sessions, interval_seconds=0.01, now=clock)
    failures = iter([Unheard("panic"), ValueError("bad"), MemoryError()])
    ticked = asyncio.Event()
    tick = feed.tick

    async def faulty() -> None:
        if (error := next(failures, None)) is not None:
            raise error
        await tick()
        ticked.set()

    monkeypatch.setattr(feed, "tick", faulty)
    async with feed.running():
        await asyncio.wait_for(ticked.wait(), 10)
        assert feed.is_fresh
    assert len([one for one in caplog.records if one.getMessage() == "a tick of the feed failed"]) == 3


async def test_who_joins_a_reading_skips_no_event(
    feed: Feed, sessions: sessionmaker[Session], running_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second event is brought by a tick, while a reading that began before it is still under way."""

    def happens(message: str) -> None:
        with transaction(sessions) as session:
            record_event(session, running_job.id, "warning", message, NOON)

    happens("first")
    has_read, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(session: Session, after: int, limit: int, job_id: str | None = None) -> ReadEvents:
        found = read_events(session, after, limit, job_id)
        loop.call_soon_threadsafe(has_read.set)
        may_end.wait(10)
        return found

    monkeypatch.setattr("server.feed.cache.read_events", slowly)
    await feed.tick()
    feed.events.begin(feed.events.newest)  # as behind a restart: earlier ones are read from the database
    first = asyncio.create_task(feed.events_after(0, None))
    await has_read.wait()
    happens("second")
    await feed.tick()
    joined = asyncio.create_task(feed.events_after(0, None))
    await asyncio.sleep(0)
    may_end.set()
    for page in (await first, await joined):
        assert [event.id for event in page.events] == list(range(1, page.complete_to + 1))
