"""The feed: what is in memory is what the database says, and whoever waits hears of it."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session, sessionmaker

from server.feed import tick
from server.feed.cache import SLOWEST_RETRY_SECONDS, Feed
from server.feed.progress import ProgressEntry
from server.feed.tick import ReadEvents
from server.feed.wakeups import EVERYTHING
from tests.factories import NOON, Clock, Seconds, make_job, make_token, make_user
from tests.server.conftest import Database
from tests.server.feeding import Waits
from tuning.db.engine import open_engine, open_sessions, transaction
from tuning.errors import NotAuthenticated, NotFound, Unavailable
from tuning.jobs.models import Job
from tuning.jobs.queries.driver import update_jobs
from tuning.jobs.status import JobStatus
from tuning.jobs.transition import record_event, transition
from tuning.migrate import upgrade
from tuning.people.models import Token, User
from tuning.people.tokens import token_sha256

pytestmark = pytest.mark.anyio

Sessions = sessionmaker[Session]


def step(sessions: Sessions, job: Job, steps: int, at: datetime = NOON) -> None:
    with transaction(sessions) as session:
        update_jobs(session, [{"id": job.id, "current_steps": steps}], at)


def knows(version: int) -> Callable[[ProgressEntry], bool]:
    return lambda entry: entry.state.version == version


async def test_a_job_is_read_once_and_then_told_from_memory(feed: Feed, running_job: Job, database: Database) -> None:
    first = await feed.entry(running_job.id)
    asked = database.statements
    assert (await feed.entry(running_job.id)) is first
    assert feed.entry_in_memory(running_job.id) is first
    assert database.statements == asked


async def test_a_missing_job_is_not_found(feed: Feed) -> None:
    with pytest.raises(NotFound, match="job_missing"):
        await feed.entry("job_missing")


async def test_a_tick_brings_the_change(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    before = await feed.entry(running_job.id)
    step(sessions, running_job, 2)
    await feed.tick()
    after = await feed.entry(running_job.id)
    assert (after.state.current_steps, after.state.version) == (2, before.state.version + 1)
    assert after.etag != before.etag


async def test_a_change_that_is_dated_before_the_newest_one_is_seen(
    feed: Feed, sessions: Sessions, running_job: Job
) -> None:
    """On PostgreSQL a transaction may be committed after others that are dated later."""
    await feed.entry(running_job.id)
    with transaction(sessions) as session:
        make_job(session, make_user(session, name="eve"), updated_at=NOON + timedelta(seconds=30))
    await feed.tick()
    step(sessions, running_job, 2, at=NOON - timedelta(seconds=20))
    await feed.tick()
    assert (await feed.entry(running_job.id)).state.current_steps == 2


async def test_a_writer_from_the_future_hides_nobody(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    await feed.entry(running_job.id)
    with transaction(sessions) as session:
        make_job(session, make_user(session, name="eve"), updated_at=NOON + timedelta(hours=1))
    await feed.tick()
    step(sessions, running_job, 2)
    await feed.tick()
    assert (await feed.entry(running_job.id)).state.current_steps == 2


async def test_the_number_of_questions_does_not_grow_with_the_readers(
    feed: Feed, sessions: Sessions, user: User, database: Database
) -> None:
    with transaction(sessions) as session:
        jobs = [make_job(session, user, status=JobStatus.RUNNING) for _ in range(100)]

    async def statements_of_a_tick(readers: list[Job]) -> int:
        for each in readers:
            await feed.entry(each.id)
        for each in jobs:
            step(sessions, each, 5)
        before = database.statements
        await feed.tick()
        return database.statements - before

    few = await statements_of_a_tick(jobs[:1])
    assert await statements_of_a_tick(jobs) == few


async def test_who_waits_is_woken_by_the_change(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    waiting = asyncio.create_task(feed.wait_for_change(running_job.id, knows(running_job.version), 60))
    await feed.entry(running_job.id)
    step(sessions, running_job, 2)
    await feed.tick()
    entry = await asyncio.wait_for(waiting, 5)
    assert entry.state.current_steps == 2


async def test_who_waits_for_another_job_sleeps_on(
    feed: Feed, sessions: Sessions, user: User, running_job: Job, waits: Waits
) -> None:
    with transaction(sessions) as session:
        other = make_job(session, user, status=JobStatus.RUNNING)
    await feed.entry(running_job.id)
    await feed.entry(other.id)
    waiting = asyncio.create_task(feed.wait_for_change(other.id, knows(1), 60))
    await waits.next()
    step(sessions, running_job, 2)
    await feed.tick()
    await asyncio.sleep(0)
    assert waits.begun == 1, "who is woken looks, and waits once more"
    waiting.cancel()


async def test_a_wait_ends_with_what_is_known(feed: Feed, running_job: Job) -> None:
    entry = await feed.wait_for_change(running_job.id, knows(running_job.version), 0.01)
    assert entry.state.version == running_job.version


async def test_who_knows_an_older_version_does_not_wait(feed: Feed, running_job: Job) -> None:
    entry = await asyncio.wait_for(feed.wait_for_change(running_job.id, knows(running_job.version + 5), 60), 5)
    assert entry.state.version == running_job.version


async def test_a_change_found_by_another_reader_wakes_those_who_wait(
    feed: Feed, sessions: Sessions, running_job: Job, seconds: Seconds
) -> None:
    """Of a writer whose clock is so far behind that no tick sees what it wrote."""
    waiting = asyncio.create_task(feed.wait_for_change(running_job.id, knows(running_job.version), 60))
    await feed.entry(running_job.id)
    await asyncio.sleep(0)
    step(sessions, running_job, 2, at=NOON - timedelta(hours=1))
    seconds.now += 61
    await feed.tick()
    assert not waiting.done()
    await feed.entry(running_job.id)
    assert (await asyncio.wait_for(waiting, 5)).state.current_steps == 2


async def test_the_end_of_the_server_ends_the_waits(feed: Feed, running_job: Job) -> None:
    waiting = asyncio.create_task(feed.wait_for_change(running_job.id, knows(running_job.version), 60))
    await feed.entry(running_job.id)
    await asyncio.sleep(0)
    feed.end_waits()
    assert (await asyncio.wait_for(waiting, 5)).state.version == running_job.version


async def test_a_place_in_the_queue_changes_without_the_version(
    feed: Feed, sessions: Sessions, user: User, seconds: Seconds
) -> None:
    with transaction(sessions) as session:
        first, second = make_job(session, user), make_job(session, user, created_at=NOON + timedelta(seconds=1))
    before = await feed.entry(second.id)
    assert before.queue_position == 2
    waiting = asyncio.create_task(feed.wait_for_change(second.id, lambda entry: entry.etag == before.etag, 60))
    await asyncio.sleep(0)
    with transaction(sessions) as session:
        transition(session, session.get_one(Job, first.id), JobStatus.CANCELLED, "not wanted", NOON)
    seconds.now += 1  # so long a place is kept
    await feed.tick()
    after = await asyncio.wait_for(waiting, 5)
    assert (after.queue_position, after.state.version) == (1, before.state.version)


async def test_a_submitted_job_has_no_place_in_our_queue(feed: Feed, sessions: Sessions, user: User) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user)
    assert (await feed.entry(job.id)).queue_position == 1
    with transaction(sessions) as session:
        transition(session, session.get_one(Job, job.id), JobStatus.SUBMITTING, "going", NOON)
    await feed.tick()
    entry = await feed.entry(job.id)
    assert (entry.state.status, entry.queue_position) == (JobStatus.SUBMITTING, None)


async def test_a_deleted_job_is_gone_within_a_minute(
    feed: Feed, sessions: Sessions, running_job: Job, seconds: Seconds
) -> None:
    await feed.entry(running_job.id)
    with transaction(sessions) as session:
        session.execute(delete(Job).where(Job.id == running_job.id))
    seconds.now += 61
    await feed.tick()
    with pytest.raises(NotFound):
        await feed.entry(running_job.id)


async def test_without_a_database_memory_answers_for_ten_seconds(
    feed: Feed, running_job: Job, seconds: Seconds, database: Database
) -> None:
    await feed.entry(running_job.id)
    database.is_away = True
    with pytest.raises(Unavailable):
        await feed.tick()
    seconds.now += 9
    assert (await feed.entry(running_job.id)).state.id == running_job.id
    seconds.now += 2
    assert not feed.is_fresh
    with pytest.raises(Unavailable):
        await feed.entry(running_job.id)
    database.is_away = False
    await feed.tick()
    assert feed.is_fresh
    assert (await feed.entry(running_job.id)).state.id == running_job.id


async def test_a_feed_starts_without_its_database(sessions: Sessions, clock: Clock, database: Database) -> None:
    database.is_away = True
    feed = Feed(sessions, interval_seconds=3600, now=clock)
    async with feed.running():
        assert not feed.is_fresh
        database.is_away = False
        await feed.tick()
        assert feed.is_fresh


async def test_a_feed_starts_before_its_schema(empty_database_url: str, clock: Clock) -> None:
    engine = open_engine(empty_database_url)
    feed = Feed(open_sessions(engine), interval_seconds=3600, now=clock)
    async with feed.running():
        assert not feed.is_fresh
        await asyncio.to_thread(upgrade, empty_database_url)
        await feed.tick()
        assert feed.is_fresh
    engine.dispose()


async def test_the_feed_ticks_by_itself(sessions: Sessions, clock: Clock, running_job: Job) -> None:
    feed = Feed(sessions, interval_seconds=0.01, now=clock)
    async with feed.running():
        await feed.entry(running_job.id)
        step(sessions, running_job, 2)
        entry = await asyncio.wait_for(feed.wait_for_change(running_job.id, knows(running_job.version), 10), 10)
        assert entry.state.current_steps == 2


async def test_many_who_ask_for_the_same_job_ask_once(feed: Feed, running_job: Job, database: Database) -> None:
    await feed.entry(running_job.id)
    before = database.statements
    await feed._read_entry(running_job.id)
    one = database.statements - before
    await asyncio.gather(*(feed._read_entry(running_job.id) for _ in range(50)))
    assert database.statements - before == 2 * one


async def test_events_come_from_memory_once_the_feed_runs(
    feed: Feed, sessions: Sessions, running_job: Job, database: Database
) -> None:
    start = feed.events.newest
    with transaction(sessions) as session:
        record_event(session, running_job.id, "warning", "one", NOON)
        record_event(session, running_job.id, "warning", "two", NOON)
    await feed.tick()
    asked = database.statements
    page = await feed.events_after(start, running_job.id)
    assert [json.loads(each.frame.split(b"data: ")[1])["message"] for each in page.events] == ["one", "two"]
    assert (await feed.events_after(page.events[0].id, None)).events == page.events[1:]
    assert database.statements == asked


async def test_two_ticks_at_once_take_in_an_event_once(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    start = feed.events.newest
    with transaction(sessions) as session:
        record_event(session, running_job.id, "warning", "once", NOON)
    await asyncio.gather(feed.tick(), feed.tick())
    assert len((await feed.events_after(start, None)).events) == 1


async def test_who_follows_all_jobs_hears_of_an_event_alone(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    await feed.entry(running_job.id)
    with feed.bells.listen(EVERYTHING) as listener:
        with transaction(sessions) as session:
            record_event(session, running_job.id, "warning", "the job itself is as it was", NOON)
        await feed.tick()
        assert await listener.wait(0)


async def test_an_event_that_cannot_be_read_is_asked_for_once(
    feed: Feed, sessions: Sessions, running_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions) as session:
        record_event(session, running_job.id, "warning", "broken", NOON)
    newest = feed.events.newest + 1
    monkeypatch.setattr(tick, "read_events", lambda *_: ReadEvents([], newest))
    await feed.tick()
    assert feed.events.newest == newest


async def test_a_tick_that_fails_is_tried_again_later_and_later(feed: Feed, database: Database) -> None:
    database.is_away = True
    assert [await feed._try_to_tick(delay) for delay in (0.5, 1.0, 1000.0)] == [1.0, 2.0, SLOWEST_RETRY_SECONDS]
    database.is_away = False
    assert await feed._try_to_tick(1000.0) == 3600


async def test_events_from_before_the_start_are_read(sessions: Sessions, clock: Clock, running_job: Job) -> None:
    with transaction(sessions) as session:
        record_event(session, running_job.id, "warning", "old", NOON)
    feed = Feed(sessions, interval_seconds=3600, now=clock)
    async with feed.running():
        page = await feed.events_after(0, running_job.id)
        assert len(page.events) == 1
        assert page.complete_to == feed.events.newest
        assert (await feed.events_after(page.complete_to, running_job.id)).events == []


async def test_who_follows_all_jobs_sees_each_change_once(feed: Feed, sessions: Sessions, running_job: Job) -> None:
    with feed.bells.listen(EVERYTHING) as listener:
        serial = feed.board.serial
        step(sessions, running_job, 2)
        step(sessions, running_job, 3)
        await feed.tick()
        assert await listener.wait(0)
        assert [entry.state.current_steps for entry in feed.board.changed_after(serial)] == [3]
        serial = feed.board.serial
        await feed.tick()
        assert feed.board.changed_after(serial) == []


async def test_a_token_is_looked_up_once(feed: Feed, sessions: Sessions, user: User, database: Database) -> None:
    with transaction(sessions) as session:
        token = make_token(session, user)
    assert (await feed.principal(token)).user_id == user.id
    asked = database.statements
    assert (await feed.principal(token)).user_id == user.id
    assert feed.principal_in_memory(token_sha256(token)) is not None
    assert database.statements == asked


async def test_a_revoked_token_is_out_after_one_tick(
    feed: Feed, sessions: Sessions, user: User, running_job: Job
) -> None:
    with transaction(sessions) as session:
        token = make_token(session, user)
    principal = await feed.principal(token)
    waiting = asyncio.create_task(feed.wait_for_change(running_job.id, knows(running_job.version), 60))
    with feed.bells.listen(running_job.id) as listener:
        with transaction(sessions) as session:
            session.execute(update(Token).values(revoked_at=NOON))
        await feed.tick()
        assert await listener.wait(0), "who waits hears of it, and looks"
    with pytest.raises(NotAuthenticated):
        feed.check(principal)
    with pytest.raises(NotAuthenticated):
        await feed.principal(token)
    waiting.cancel()


async def test_an_expired_token_is_out_after_one_tick(feed: Feed, sessions: Sessions, user: User, clock: Clock) -> None:
    with transaction(sessions) as session:
        token = make_token(session, user, expires_at=NOON + timedelta(seconds=5))
    principal = await feed.principal(token)
    clock.advance(5)
    await feed.tick()
    with pytest.raises(NotAuthenticated):
        feed.check(principal)


async def test_a_wrong_token_is_looked_up_once_in_a_while(feed: Feed, seconds: Seconds, database: Database) -> None:
    async def lookups() -> int:
        before = database.statements
        with pytest.raises(NotAuthenticated):
            await feed.principal("pt_wrong")
        return database.statements - before

    assert await lookups() > 0
    assert await lookups() == 0
    seconds.now += 3
    await feed.tick()
    assert await lookups() > 0


async def test_a_token_that_nobody_uses_is_forgotten(
    feed: Feed, sessions: Sessions, user: User, seconds: Seconds
) -> None:
    with transaction(sessions) as session:
        token = make_token(session, user)
    await feed.principal(token)
    seconds.now += 181
    await feed.tick()
    assert feed.principal_in_memory(token_sha256(token)) is None
    assert (await feed.principal(token)).user_id == user.id
